"""What the kernel knows about a connection and its transport does not: what has arrived, and what has got through.

A transport does not see its client read: the kernel takes more from it only when much of its own buffer, which may hold
megabytes, is empty again, and a TLS transport counts what it has encrypted as sent. Acknowledgements do show it, and
Linux reports them. Elsewhere the transport's own count has to do. Linux also tells how many connections wait to be
accepted.
"""

import asyncio
import select
import selectors
import socket
import struct
import sys
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from esg_core.write_pace import WriteLimits, WritePace

_TCP_INFO = getattr(socket, "TCP_INFO", None)

_COUNTS = struct.Struct("=24xI92xQ16xI")
"""Three fields of the kernel's `struct tcp_info`: segments under way, bytes acknowledged, bytes not sent yet."""

_WAITING = struct.Struct("=24xI")
"""The first of them, which is the length of the queue if the socket listens."""


def counts_queue(listening: socket.socket) -> bool:
    """Whether the system reports how many connections wait."""
    return sys.platform == "linux" and listening.family in (socket.AF_INET, socket.AF_INET6)


def queue_meter(listening: socket.socket) -> Callable[[], int]:
    """A function that returns how many connections wait; where the system does not report it, 1 if any do."""
    if counts_queue(listening):
        getsockopt = listening.getsockopt
        return lambda: int(_WAITING.unpack(getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _WAITING.size))[0])
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    return lambda: len(poll.poll(0))


class Delivery(NamedTuple):
    """How far what was written has got: bytes that may still be under way (0 if there are none), bytes acknowledged."""

    unsent: int
    acknowledged: int

    def moved_since(self, before: "Delivery") -> int:
        """How many bytes the client has read since `before`, as far as can be known; at least 0."""
        return max(0, self.acknowledged - before.acknowledged, before.unsent - self.unsent)


def delivery(transport: asyncio.Transport) -> Delivery:
    """How far what was written to `transport` has got; `acknowledged` is 0 where the system does not report it."""
    unsent = transport.get_write_buffer_size()
    connection = open_socket(transport)
    if _TCP_INFO is None or connection is None:
        return Delivery(unsent, 0)
    try:
        counts = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _COUNTS.size)
    except OSError:  # not TCP
        return Delivery(unsent, 0)
    if len(counts) < _COUNTS.size:
        return Delivery(unsent, 0)
    segments, acknowledged, waiting = _COUNTS.unpack(counts)
    return Delivery(unsent + segments + waiting, acknowledged)


class WriteWatch:
    """Whether a client reads what was written to it, checked now and then from `now` on (rule H-17).

    `due` is the time of the next check.
    """

    __slots__ = ("_delivered", "_pace")

    def __init__(self, transport: asyncio.Transport, limits: WriteLimits, now: float) -> None:
        self._delivered = delivery(transport)
        self._pace = WritePace(limits, now)

    @property
    def due(self) -> float:
        """When to check again."""
        return self._pace.due

    def is_given_up(self, transport: asyncio.Transport, now: float) -> bool:
        """Check, not before `due`, whether too little has been read for too long, as far as can be known."""
        before, self._delivered = self._delivered, delivery(transport)
        return self._pace.is_too_slow(self._delivered.moved_since(before), now)

    @property
    def unsent(self) -> int:
        """Bytes that were under way at the last check."""
        return self._delivered.unsent


class Departure(Enum):
    """Whether a client has left: it has not, it sends no more, or it is gone."""

    NONE = 0
    SILENT = 1
    GONE = 2


_POLLRDHUP: int = getattr(select, "POLLRDHUP", 0x2000 if sys.platform == "linux" else 0)
"""Linux's event for a client that has closed its side; PyPy does not name it. 0 where there is none."""


def departure(transport: asyncio.Transport) -> Departure:
    """Whether the client has left, even if some of its bytes are still unread; NONE where that cannot be known."""
    connection = open_socket(transport)
    if connection is None or not _POLLRDHUP:
        return Departure.NONE
    poll = select.poll()
    poll.register(connection.fileno(), _POLLRDHUP)
    events = sum(event for _, event in poll.poll(0))
    if events & (select.POLLERR | select.POLLHUP):
        return Departure.GONE
    return Departure.SILENT if events else Departure.NONE


def has_input(transport: asyncio.Transport) -> bool:
    """Whether the kernel holds bytes of this connection that have not been read yet."""
    connection = open_socket(transport)
    if connection is None:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))


def open_socket(transport: asyncio.BaseTransport) -> Any:
    """The socket of a transport, or None if it has none or has closed it."""
    connection = transport.get_extra_info("socket")
    return None if connection is None or connection.fileno() < 0 else connection
