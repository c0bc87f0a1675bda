"""A stream transport without a socket; the test plays the other end.

Keeps the guarantees of asyncio's socket transports that protocols rely on: every call of the protocol comes from the
loop, never from inside one of its own calls (except for `pause_writing()` and `resume_writing()`, as in asyncio).
Nothing is delivered while reading is paused, `connection_lost()` comes once and last, and written bytes are gone only
when the client has read them. Knows nothing of what the bytes mean.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

HIGH_WATER = 64 * 1024
"""The default of asyncio's transports: writing pauses above this many bytes unread by the client."""

SEGMENT = 256 * 1024
"""Bytes that one `data_received()` gets at most, as with asyncio's sockets."""


class MemoryTransport(asyncio.Transport):
    """Connects `protocol` to a client that the test plays; `open()` makes the connection.

    For the client, `feed()` and `feed_eof()` send, `read()` takes what the server wrote, `stall()` stops reading until
    the next `read()`, and `reset()` breaks the connection. Attributes record what happened:

    * `written`: all bytes written so far; `writes`: the same, one entry per call of the protocol;
    * `late`: bytes written after the connection was closed, and so lost;
    * `unread`: number of bytes that the client sent and the protocol has not received, because it paused reading;
    * `eof_written`, `aborted`, `closed` (True once the protocol knows that the connection is lost).

    `extra` adds to the information of `get_extra_info()`: peername, sockname.
    """

    def __init__(
        self,
        protocol: asyncio.Protocol,
        loop: asyncio.AbstractEventLoop,
        *,
        peername: Any = ("127.0.0.1", 50000),
        sockname: Any = ("127.0.0.1", 8000),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"peername": peername, "sockname": sockname, **(extra or {})})
        self.set_protocol(protocol)
        self._loop = loop
        self._incoming: deque[bytes | None] = deque()
        self._reading = True
        self._delivery: asyncio.Handle | None = None
        self._stalled = False
        self._unsent = 0
        self._paused_writing = False
        self._closing = False
        self._losing = False
        self._low, self._high = HIGH_WATER // 4, HIGH_WATER
        self.written = bytearray()
        self.writes: list[bytes] = []
        self.late = bytearray()
        self.eof_written = False
        self.aborted = False
        self.closed = False
        self._read = 0

    # The client's side

    def open(self) -> None:
        """Call the protocol's `connection_made()`, from the loop."""
        self._loop.call_soon(self._protocol.connection_made, self)

    def feed(self, data: bytes) -> None:
        """Send `data` as one segment; the protocol gets it from the loop, as soon as it reads."""
        for start in range(0, len(data), SEGMENT):
            self._incoming.append(data[start : start + SEGMENT])
        self._schedule_delivery()

    def feed_eof(self) -> None:
        """Close the client's sending side, after all that was fed before."""
        self._incoming.append(None)
        self._schedule_delivery()

    def stall(self) -> None:
        """Stop reading: what the server writes stays in the transport."""
        self._stalled = True

    def read(self, size: int | None = None) -> bytes:
        """Take up to `size` bytes that were written and not read before; without a size, take all and end a stall."""
        if size is None:
            self._stalled = False
            size = len(self.written) - self._read
        data = bytes(self.written[self._read : self._read + size])
        self._read += len(data)
        self._unsent = min(self._unsent, len(self.written) - self._read)
        self._drained()
        return data

    def reset(self, error: Exception | None = None) -> None:
        """Break the connection, as when a client has gone; by default with `ConnectionResetError`."""
        self._lose(error or ConnectionResetError("connection reset by peer"))

    @property
    def unread(self) -> int:
        """Number of bytes sent by the client that the protocol has not received yet."""
        return sum(len(segment) for segment in self._incoming if segment is not None)

    # The protocol's side: asyncio.ReadTransport

    def is_reading(self) -> bool:
        """False while the protocol has paused reading, and once the transport is closing."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading()`."""
        self._reading = False

    def resume_reading(self) -> None:
        """Deliver again, from the loop."""
        self._reading = True
        self._schedule_delivery()

    # asyncio.WriteTransport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send to the client; `RuntimeError` after `write_eof()`."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"a transport writes bytes, not {type(data).__name__}")
        if self.eof_written:
            raise RuntimeError("write() after write_eof()")
        if not data:
            return
        if self._closing:
            self.late += data
            return
        self.written += data
        self.writes.append(bytes(data))
        if self._stalled:
            self._unsent += len(data)
            self._apply_high_water()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send all parts in one write."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """False with an `ssl_object` among the extra information: TLS has no half-closed state."""
        return self.get_extra_info("ssl_object") is None

    def write_eof(self) -> None:
        """Close the server's sending side; `NotImplementedError` with TLS."""
        if not self.can_write_eof():
            raise NotImplementedError("TLS cannot be closed by halves")
        self.eof_written = True

    def get_write_buffer_size(self) -> int:
        """Number of bytes that the client has not read; 0 unless it has stalled."""
        return self._unsent

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The low and the high water mark, in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks at which `pause_writing()` and `resume_writing()` are called, in bytes."""
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        low = high // 4 if low is None else low
        if not high >= low >= 0:
            raise ValueError(f"high ({high}) must not be below low ({low}), nor low below 0")
        self._low, self._high = low, high
        self._apply_high_water()

    # asyncio.BaseTransport

    def is_closing(self) -> bool:
        """True once `close()` or `abort()` has been called or the connection is lost."""
        return self._closing

    def close(self) -> None:
        """Stop reading; close the connection once the client has read everything written."""
        if not self._closing:
            self._closing = True
            if not self._unsent:
                self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """Close the connection at once, and drop what the client has not read."""
        self.aborted = True
        self._lose(None)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection over, as an upgrade does; raises `TypeError` unless it is an `asyncio.Protocol`."""
        if not isinstance(protocol, asyncio.Protocol):
            raise TypeError("this transport hands out segments, for which it needs an asyncio.Protocol")
        self._protocol = protocol

    def get_protocol(self) -> asyncio.Protocol:
        """The current protocol."""
        return self._protocol

    # Internals

    def _schedule_delivery(self) -> None:
        if self._delivery is None and self._incoming and self._reading:
            self._delivery = self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        """Deliver one segment at a time, so that a pause holds back the next."""
        self._delivery = None
        if not self.is_reading():
            return
        segment = self._incoming.popleft()
        if segment is not None:
            self._protocol.data_received(segment)
        elif not self._protocol.eof_received():
            self.close()
        self._schedule_delivery()

    def _apply_high_water(self) -> None:
        if self._unsent > self._high and not self._paused_writing:
            self._paused_writing = True
            self._protocol.pause_writing()

    def _drained(self) -> None:
        if self._paused_writing and self._unsent <= self._low:
            self._paused_writing = False
            self._protocol.resume_writing()
        if self._closing and not self._unsent:
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        """Tell the protocol, once and from the loop, that the connection is over."""
        self._closing = True
        if not self._losing:
            self._losing = True
            self._loop.call_soon(self._lost, error)

    def _lost(self, error: Exception | None) -> None:
        """Call `connection_lost()`, and drop the protocol as asyncio's transports do, which breaks the cycle."""
        self._unsent = 0
        self.closed = True
        protocol, self._protocol = self._protocol, asyncio.Protocol()
        protocol.connection_lost(error)
