"""UDP sockets beside the TCP listeners of the same addresses and ports: binding, reading, sending (rules Q-10, Q-11).

Knows no protocol: an endpoint takes in the datagrams of each socket. One turn of the loop reads at most `BATCH`
datagrams of a socket, more after a long turn, and no more than the turn's budget allows.
"""

import asyncio
import logging
import socket
import struct
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from esg_core.contracts import DatagramEndpoint, DatagramPath, Seat
from esg_core.errors import StartupError
from esg_core.sockets.bound import BoundSocket, describe
from esg_core.turns import PolledStretch

if TYPE_CHECKING:
    from esg_core.contracts import EndpointMaker
    from esg_core.turns import TurnBudget

BATCH = 64
"""Datagrams read before others get their turn."""

BATCH_TIME = 0.005
"""Seconds that so many take at most."""

LARGEST = 4096
"""Bytes of the longest datagram that is read whole; on the Internet, none has more than 1,500."""

IP_PKTINFO = 8
"""Linux' number for it; Python has no name for it before 3.14."""

_INFO4 = struct.Struct("=I4s4s")
_INFO6 = struct.Struct("=16sI")
_ROOM = socket.CMSG_SPACE(_INFO6.size) if hasattr(socket, "CMSG_SPACE") else 0


class DatagramSocket:
    """One bound UDP socket, read in the running loop from `start()` to `close()`; see `contracts.DatagramPort`."""

    def __init__(self, sock: socket.socket, budget: "TurnBudget", seat: Seat | None = None) -> None:
        self.sock = sock
        self.seat = seat
        self._budget = budget
        self._loop = asyncio.get_running_loop()
        self._stretch = PolledStretch(BATCH_TIME, self._loop.time, self._loop.call_soon)
        self._endpoint: DatagramEndpoint | None = None
        self._name: tuple[Any, ...] = sock.getsockname()
        self._is_v6 = sock.family == socket.AF_INET6
        self._has_several = _ask_for_local_addresses(sock)

    def start(self, endpoint: DatagramEndpoint) -> None:
        """Read; raises `StartupError` for a loop that cannot."""
        self._endpoint = endpoint
        try:
            self._loop.add_reader(self.sock, self._read)
        except NotImplementedError:
            raise StartupError(f"cannot read UDP on {describe(self.sock)}: this event loop cannot") from None

    def send(self, datagram: bytes, path: DatagramPath) -> None:
        """Send at once. What the system has no room for is lost, as on the way."""
        try:
            if path.local:
                self.sock.sendmsg([datagram], [self._from(path.local)], 0, path.peer)
            else:
                self.sock.sendto(datagram, path.peer)
        except OSError:  # no room, or no way to the client: the protocol above repeats what matters
            return

    def server_name(self, path: DatagramPath) -> tuple[Any, ...]:
        """The address that a client sends to, as `getsockname()` has it."""
        if not path.local:
            return self._name
        family = socket.AF_INET6 if self._is_v6 else socket.AF_INET
        return (socket.inet_ntop(family, path.local), *self._name[1:])

    def close(self) -> None:
        """Stop reading; may be called twice."""
        if self._endpoint is not None:
            endpoint, self._endpoint = self._endpoint, None
            endpoint.close()
            self._loop.remove_reader(self.sock)
        self.sock.close()

    def _read(self) -> None:
        """There are datagrams."""
        budget, spent = self._budget, 0
        for _ in range(int(BATCH * self._stretch.times())):
            endpoint = self._endpoint
            if endpoint is None or spent >= budget.room:  # the protocol spends too
                break
            try:
                datagram, path = self._receive()
            except OSError:  # nothing more; or, on some systems, what became of something sent earlier
                break
            if datagram:
                spent += endpoint.received(datagram, path)
        else:
            self._stretch.goes_on()
        budget.spend(spent)

    def _receive(self) -> tuple[bytes, DatagramPath]:
        if not self._has_several:
            datagram, peer = self.sock.recvfrom(LARGEST)
            return datagram, DatagramPath(peer, b"")
        datagram, extra, _, peer = self.sock.recvmsg(LARGEST, _ROOM)
        return datagram, DatagramPath(peer, _local_address(extra))

    def _from(self, local: bytes) -> tuple[int, int, bytes]:
        """The control message that makes a datagram leave from one of our addresses."""
        if self._is_v6:
            return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _INFO6.pack(local, 0)
        return socket.IPPROTO_IP, IP_PKTINFO, _INFO4.pack(0, local, bytes(4))


class Datagrams:
    """The UDP sockets of one server and what serves them; closed by `close()`."""

    def __init__(self, bound: Iterable[BoundSocket], make_endpoint: "EndpointMaker", budget: "TurnBudget") -> None:
        taken = ((one.take_beside(), one.seat) for one in bound)
        self._sockets = [DatagramSocket(sock, budget, seat) for sock, seat in taken if sock is not None]
        self._endpoints = [make_endpoint(one) for one in self._sockets]

    @property
    def is_opening(self) -> bool:
        """Whether a connection is being established."""
        return any(one.is_opening for one in self._endpoints)

    def start(self) -> None:
        """Read; raises `StartupError`."""
        for one, endpoint in zip(self._sockets, self._endpoints, strict=True):
            one.start(endpoint)
            if one.seat is None:
                announce_http3(one.sock)

    def refuse(self) -> None:
        """Let no new connection begin."""
        for one in self._endpoints:
            one.refuse()

    async def settle(self, patience: float) -> None:
        """Wait for the connections that are being established, `patience` seconds at most."""
        try:
            async with asyncio.timeout(patience):
                for one in self._endpoints:
                    await one.settle()
        except TimeoutError:
            return

    def close(self) -> None:
        """End what is left and close the sockets; may be called twice."""
        for one in self._sockets:
            one.close()


def announce_http3(sock: socket.socket) -> None:
    """Log where HTTP/3 is served."""
    logging.getLogger("esg.error").info("HTTP/3 (experimental) on UDP %s", describe(sock))


def _ask_for_local_addresses(sock: socket.socket) -> bool:
    """Ask the system to say which address each datagram was sent to; returns whether there is more than one.

    Answers must leave from that address: clients, and the routers in front of them, drop what comes from another.
    """
    if sock.getsockname()[0] not in ("0.0.0.0", "::") or sys.platform != "linux":  # noqa: S104 - compared
        return False
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    return True


def _local_address(extra: Iterable[tuple[int, int, bytes]]) -> bytes:
    """The address that a datagram was sent to, packed; empty if the system does not say it."""
    for level, kind, data in extra:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            return bytes(_INFO4.unpack(data)[1])
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            return bytes(_INFO6.unpack(data)[0])
    return b""
