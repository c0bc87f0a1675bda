"""The parent's listening sockets, and which of them each worker gets.

All workers share them, unless `reuse_port` gives each slot its own sockets on the same addresses. Those stay open here
while a worker is replaced, so that connections in their queues wait for its successor.
"""

from collections.abc import Iterable, Sequence
from socket import socket

from esg_core.sockets.bound import BoundSocket, bind_again, close_all


class SharedSockets:
    """The bound sockets of one server."""

    def __init__(self, bound: Sequence[BoundSocket], *, reuse_port: bool) -> None:
        self._bound = list(bound)
        self._reuse_port = reuse_port
        self._per_slot: dict[int, list[BoundSocket]] = {}

    @property
    def bound(self) -> list[BoundSocket]:
        """The sockets of the first worker, on the addresses of all."""
        return self._bound

    @property
    def sockets(self) -> list[socket]:
        """`bound` as plain sockets."""
        return [one.sock for one in self._bound]

    def of(self, slot: int) -> list[BoundSocket]:
        """The sockets of a slot; raises `StartupError` if they cannot be bound."""
        if slot == 0 or not self._reuse_port:
            return self._bound
        if slot not in self._per_slot:
            self._per_slot[slot] = [bind_again(one) for one in self._bound]
        return self._per_slot[slot]

    def forget(self, slot: int) -> None:
        """Close a slot that gets no more workers; its present worker still accepts the connections in the queues."""
        _close(one for one in self._per_slot.pop(slot, ()) if one not in self._bound)

    def close_sockets(self) -> None:
        """Close all sockets here, so that only workers listen; the files of UNIX sockets stay until `close()`."""
        _close(one for bound in (self._bound, *self._per_slot.values()) for one in bound)

    def close_others(self, slot: int) -> None:
        """Close the sockets that the worker of a slot does not need."""
        own = self.of(slot)
        _close(one for bound in (self._bound, *self._per_slot.values()) for one in bound if one not in own)

    def keep_files(self) -> None:
        """Leave the files of UNIX sockets for another process to remove."""
        for one in self._bound:
            one.keep_file()

    def close(self) -> None:
        """Close all sockets, and remove the files that ESG made."""
        self.close_sockets()
        close_all(self._bound)


def _close(bound: Iterable[BoundSocket]) -> None:
    for one in bound:
        one.sock.close()
