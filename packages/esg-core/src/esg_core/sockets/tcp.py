"""What the kernel knows of a connection and its transport does not tell: what has arrived, and what has got through.

A transport does not see its client read: the kernel takes more from it only when a good part of its own buffer, which
may hold megabytes, is empty again; and a TLS transport counts what it has encrypted as sent. Acknowledgements tell, and
Linux shows them. Elsewhere the transport's own count has to do.
"""

import asyncio
import contextlib
import select
import selectors
import socket
import struct
from enum import Enum
from typing import NamedTuple

from esg_core.write_pace import WriteLimits, WritePace

_TCP_INFO = getattr(socket, "TCP_INFO", None)

_RESET = struct.pack("ii", 1, 0)

_COUNTS = struct.Struct("=24xI92xQ16xI")
"""Of the kernel's `struct tcp_info`: segments under way, bytes acknowledged, bytes not sent yet."""


class Delivery(NamedTuple):
    """How far what was written has got: bytes that may still be under way (0 if none is), bytes acknowledged."""

    unsent: int
    acknowledged: int

    def moved_since(self, before: "Delivery") -> int:
        """How many bytes the client has read since then, as far as can be known; at least 0."""
        return max(0, self.acknowledged - before.acknowledged, before.unsent - self.unsent)


def delivery(transport: asyncio.Transport) -> Delivery:
    """How far what was written to `transport` has got; `acknowledged` is 0 where only the transport tells."""
    unsent = transport.get_write_buffer_size()
    connection = transport.get_extra_info("socket")
    if _TCP_INFO is None or connection is None or connection.fileno() < 0:
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
    """Whether a client reads what was written to it, looked at now and then from `now` on (rule H-17).

    `due` is the time of the next look.
    """

    __slots__ = ("_delivered", "_pace")

    def __init__(self, transport: asyncio.Transport, limits: WriteLimits, now: float) -> None:
        self._delivered = delivery(transport)
        self._pace = WritePace(limits, now)

    @property
    def due(self) -> float:
        """When to look again."""
        return self._pace.due

    def is_given_up(self, transport: asyncio.Transport, now: float) -> bool:
        """Look, not before `due`: whether too little has been read for too long, as far as can be known."""
        before, self._delivered = self._delivered, delivery(transport)
        return self._pace.is_too_slow(self._delivered.moved_since(before), now)

    @property
    def unsent(self) -> int:
        """Bytes that were under way at the last look."""
        return self._delivered.unsent


class Departure(Enum):
    """Whether a client has left: not at all, by sending no more, or for good."""

    NONE = 0
    SILENT = 1
    GONE = 2


def departure(transport: asyncio.Transport) -> Departure:
    """Tell whether the client has left, whatever of its bytes are still unread; NONE where that cannot be known."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.fileno() < 0 or not hasattr(select, "POLLRDHUP"):
        return Departure.NONE
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLRDHUP)
    events = sum(event for _, event in poll.poll(0))
    if events & (select.POLLERR | select.POLLHUP):
        return Departure.GONE
    return Departure.SILENT if events else Departure.NONE


def has_input(transport: asyncio.Transport) -> bool:
    """Tell whether the kernel holds bytes of this connection that have not been read yet."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.fileno() < 0:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))


def end_sending(transport: asyncio.Transport) -> bool:
    """Tell the client that nothing more comes, if its connection can say that; returns whether it can.

    A client that has gone need not be told: asyncio raises, and will tell of its end with the next thing it reads.
    """
    if not transport.can_write_eof():
        return False
    with contextlib.suppress(OSError):
        transport.write_eof()
    return True


def reset(transport: asyncio.Transport) -> None:
    """Abort the connection, over TCP by a reset: the client sees no ordinary end, and the kernel keeps nothing.

    Without it the kernel goes on offering what was written to a client that does not read, for minutes.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6) and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
