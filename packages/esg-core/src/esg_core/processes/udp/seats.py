"""The UDP sockets of all workers: who has which, and which of them get what comes (rule Q-20).

On each address there is a group of sockets, one for each seat. A worker takes a seat, and with it one socket of each
group; the parent keeps them all open, because a group that loses one counts its sockets differently. Knows no workers.
"""

import logging
import os
import secrets
import socket
from collections.abc import Iterable, Mapping, Sequence

from esg_core.contracts import Seat
from esg_core.errors import StartupError
from esg_core.processes.udp.steering import attach, steering_program
from esg_core.sockets.beside import bind_udp
from esg_core.sockets.bound import BoundSocket
from esg_core.sockets.datagrams import announce_http3

FEWEST = 4
MOST = 256
"""Seats: enough for the workers of two programs, each with one beyond its number, and more if they are needed."""


class Seats:
    """`groups` are the sockets of each group by the number of the TCP socket that it is beside.

    `magic` and `key` are those of each `Seat`. `lent` are seats that the parent of this process, a previous program,
    may have until it ends; those that it needs least come first.
    """

    def __init__(
        self, groups: Mapping[int, list[socket.socket]], magic: bytes, key: bytes, lent: Iterable[int] = ()
    ) -> None:
        self.groups = groups
        self.magic = magic
        self.key = key
        self._lent = list(lent)
        self._lender = os.getppid()
        self._size = min(map(len, groups.values()), default=MOST)
        rest = [number for number in range(self._size) if number not in self._lent]
        self._free = [*reversed(self._lent), *reversed(rest)]
        self._steered: tuple[tuple[int, ...], tuple[int, ...]] | None = None
        self._is_handed_over = False

    @classmethod
    def beside(cls, bound: Sequence[BoundSocket], workers: int) -> "Seats":
        """Put groups in the place of the sockets `beside` those of TCP; raises `StartupError`."""
        size = min(MOST, max(FEWEST, 2 * (workers + 1)))
        groups: dict[int, list[socket.socket]] = {}
        seats = cls(groups, secrets.token_bytes(2), secrets.token_bytes(32))
        try:
            for number, one in enumerate(bound):
                alone = one.take_beside()
                if alone is not None:
                    alone.close()  # it has shown that the port was free
                    group = groups[number] = []
                    group.extend(bind_udp(one.sock, may_share=True) for _ in range(size))
            seats = cls(groups, seats.magic, seats.key)
            seats._attach((), ())
        except OSError as error:
            seats.close()
            raise StartupError(
                f"http3: this system cannot spread UDP over workers ({error.strerror}): use a single process"
            ) from None
        except BaseException:
            seats.close()
            raise
        return seats

    def lend(self) -> list[int]:
        """The seats that the next program is to leave to this one: those in use, and one to replace workers with."""
        taken = [number for number in range(self._size) if number not in self._free]
        return list(dict.fromkeys((*self._lent, *self._free[-1:], *taken)))

    @property
    def are_free(self) -> bool:
        """Whether no process has one, of this program or the previous one."""
        return not self._lent and len(self._free) == self._size

    def take(self) -> int:
        """The number of a seat that is free from now on no more; raises `StartupError`.

        It is the one that became free last, so that a worker's successor soon answers what its clients still send.
        """
        if not self._free:
            self._grow()
        number = self._free.pop()
        if number in self._lent:
            self._lent.remove(number)
        return number

    def free(self, number: int) -> None:
        """The process with this seat has ended."""
        self._free.append(number)

    def seat(self, number: int) -> Seat:
        """The seat with this number."""
        return Seat(self.magic, number, self.key)

    def sockets(self, number: int) -> list[socket.socket]:
        """The sockets of a seat."""
        return [group[number] for group in self.groups.values()]

    def steer(self, alive: Sequence[int], chosen: Sequence[int]) -> None:
        """Let those `alive` keep their connections, and spread new ones over those `chosen`, or over all alive."""
        if self._lent and os.getppid() != self._lender:
            self._lent.clear()
        wanted = (*alive, *self._lent), tuple(chosen or alive)
        if wanted != self._steered and not self._is_handed_over:
            self._steered = wanted
            try:
                self._attach(*wanted)
            except OSError as error:
                logging.getLogger("esg.error").error("HTTP/3: cannot spread UDP over workers: %s", error)  # noqa: TRY400 - the text is all

    def hand_over(self) -> None:
        """Another program spreads what comes from now on."""
        self._is_handed_over = True

    def announce(self) -> None:
        """Log where HTTP/3 is served."""
        for group in self.groups.values():
            announce_http3(group[0])

    def leave_to_parent(self, number: int | None) -> None:
        """In a forked worker: close all sockets but those of its seat; None if it has none."""
        for group in self.groups.values():
            for other, sock in enumerate(group):
                if other != number:
                    sock.close()

    def close(self) -> None:
        """Close all sockets."""
        for group in self.groups.values():
            for sock in group:
                sock.close()

    def _attach(self, alive: Sequence[int], chosen: Sequence[int]) -> None:
        program = steering_program(self.magic, alive, chosen)
        for group in self.groups.values():
            attach(group[0], program)

    def _grow(self) -> None:
        if self._size >= MOST:
            raise StartupError(f"http3: no more than {MOST} processes can serve it at a time")
        for group in self.groups.values():
            if len(group) == self._size:  # otherwise a former attempt has failed half-way
                group.append(bind_udp(group[0], may_share=True))
        self._free.append(self._size)
        self._size += 1
