"""One stream as a transport, for a protocol that takes it over (RFC 8441, RFC 9220, rule 2-4).

Knows its stream's frames, and nothing of what they carry. Flow control is the stream's: what the protocol does not read
is held within its window, and what the client does not read makes the protocol wait. The end of the stream stands for
the end of a connection: it closes one side, and a reset breaks both.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from esg_core.turns import LEAST_ROOM
from esg_http.call.client_connections import SHARED
from esg_http.multiplexed.contracts import MOST_UNWRITTEN, StreamOwner, TunnelStream
from esg_http.multiplexed.states import CLOSED

S = TypeVar("S", bound=TunnelStream)

LINGER = 1.0
"""Seconds that a client has to end its side after ours; then the stream is reset."""


class Tunnel(asyncio.Transport, Generic[S]):
    """A transport whose connection is one stream, which calls the methods of the other direction."""

    def __init__(self, stream: S, connection: StreamOwner[S], protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._stream = stream
        self._connection = connection
        self._protocol: asyncio.BaseProtocol = protocol
        self._receiver = protocol
        self._held = bytearray()
        self._low, self._high = 16384, 65536
        self._reads = True
        self._is_closing = self._is_lost = self._is_full = self._has_eof = self._wrote_eof = False

    # Called by the stream.

    def feed(self, data: bytes) -> None:
        """The client has sent more."""
        if self._is_closing:
            return
        budget = self._connection.budget
        if not self._reads or self._held:
            self._held += data
        elif budget.room <= LEAST_ROOM:  # all streams belong to one client
            self._held += data
            budget.wait(self._hand_on)
        else:
            self._give(data)

    def _give(self, data: bytes) -> None:
        self._receiver.data_received(data)
        self._connection.data.consumed(self._stream, len(data))

    def feed_eof(self) -> None:
        """The client has ended its side."""
        self._has_eof = True
        if self._reads and not self._held:
            self._tell_eof()
        if self._is_lost:
            self._let_go()

    def _tell_eof(self) -> None:
        self._has_eof = False
        if not self._is_closing and not self._receiver.eof_received():
            self.close()

    def lose(self, error: Exception | None) -> None:
        """The stream has ended."""
        self._is_closing = True
        self._held.clear()
        self._connection.budget.leave(self._hand_on)
        if self._is_lost:
            self._let_go()
        else:
            self._is_lost = True
            self._connection.loop.call_soon(self._tell_lost, error)

    def _tell_lost(self, error: Exception | None) -> None:
        receiver, self._receiver = self._receiver, asyncio.Protocol()
        self._protocol = self._receiver
        receiver.connection_lost(error)
        self._let_go()

    def _let_go(self) -> None:
        """Let stream and tunnel go once both are over, so that neither waits for the garbage collector."""
        if self._stream.state >= CLOSED:
            self._stream.forget_tunnel()

    def on_moved(self) -> None:
        """Some of what was unsent has been sent."""
        if self._is_full and self.get_write_buffer_size() <= self._low:
            self._is_full = False
            self._receiver.resume_writing()
        if self._is_closing and self._stream.unsent is None:
            self.lose(None)

    # asyncio.BaseTransport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See `asyncio.BaseTransport`; answers for the connection, except for the socket, which other streams share."""
        if name == SHARED:
            return True
        return default if name == "socket" else self._connection.transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        """End this side once everything is sent, and wait briefly for the client's end."""
        if self._is_closing:
            return
        self._is_closing = True
        self._held.clear()
        self.write_eof()
        upload = self._stream.upload
        if upload is not None:
            upload.deadline = self._connection.time() + LINGER
            self._connection.hasten(upload.deadline)
        if self._stream.unsent is None:
            self.lose(None)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See `asyncio.BaseTransport`; `protocol` must be an `asyncio.Protocol`."""
        if not isinstance(protocol, asyncio.Protocol):
            raise TypeError("a stream delivers data as it comes, for which it needs an asyncio.Protocol")
        self._protocol = self._receiver = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    # asyncio.ReadTransport

    def is_reading(self) -> bool:
        return self._reads and not self._is_closing

    def pause_reading(self) -> None:
        """See `asyncio.ReadTransport`; holds what comes from now on, and its window stays closed."""
        self._reads = False

    def resume_reading(self) -> None:
        if not self._reads:
            self._reads = True
            if self._held or self._has_eof:
                self._connection.budget.wait(self._hand_on)

    def _hand_on(self) -> None:
        """Deliver what was held, if the protocol still reads, in this stream's turn (rule H-22)."""
        if self._held and self.is_reading():
            held, self._held = bytes(self._held), bytearray()
            self._give(held)
        if self._has_eof and self.is_reading():
            self._tell_eof()

    # asyncio.WriteTransport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See `asyncio.WriteTransport`; drops `data` after the end of this side."""
        if self._is_closing or self._wrote_eof or self._stream.state >= CLOSED:
            return
        self._connection.sending.send_data(self._stream, bytes(data), end=False)
        if self._connection.sending.out_size >= MOST_UNWRITTEN:
            self._connection.flush()
        if not self._is_full and self.get_write_buffer_size() > self._high:
            self._is_full = True
            self._receiver.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Always true: each side of a stream ends on its own."""
        return True

    def write_eof(self) -> None:
        """End this side."""
        if not self._wrote_eof and self._stream.state < CLOSED:
            self._wrote_eof = self._stream.listens = True
            self._connection.sending.send_data(self._stream, b"", end=True)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the client's windows, or for their turn."""
        unsent = self._stream.unsent
        return 0 if unsent is None else unsent.size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The marks, low and high, at which the protocol may write again and must stop writing."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is None:
            high = 65536 if low is None else 4 * low
        self._low, self._high = high // 4 if low is None else low, high

    def abort(self) -> None:
        """Reset the stream."""
        if self._stream.state < CLOSED:
            self._connection.sending.reset(self._stream, self._connection.codes.cancel)
        self.lose(None)
