"""The sending half of an HTTP/3 connection: frames go to the transport as windows and priorities allow.

Sans-I/O: the transport queues what it is given. Little is left there, so that it is decided here which response goes
next (RFC 9218): the rest of a response waits with its stream, and `fill()` takes from what waits, in the order of
priorities, whenever there is room. What waits for its client's window waits here, and is not in the others' way.
"""

from typing import Generic

from esg_http.h3.coding.codes import CONTROL, H3_NO_ERROR
from esg_http.h3.coding.frames import LARGEST_CONTENT_HEAD, data_head, headers_frame, settings_frame
from esg_http.h3.coding.qpack import FieldEncoder
from esg_http.h3.coding.varints import encoded_varint
from esg_http.h3.engine.streams import StreamTable
from esg_http.h3.quic import QuicTransport
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.link import BaseLink
from esg_http.multiplexed.engine.sending import BaseSending
from esg_http.multiplexed.states import CLOSED, HALF_CLOSED_OURS, RESET

MOST_QUEUED = 65536
"""Bytes of content that may be queued in the transport: what is there has lost its priority."""

SHARE = 16384
"""Bytes that a response sends before the others of its urgency get their turn."""


class Sending(BaseSending[S], Generic[S]):
    """Frames for the transport, and what waits for windows, priorities and room there.

    `control` is the number of the server's control stream, `sent` how many bytes of content the transport has got.
    """

    __slots__ = ("_blocked", "_inputs", "control", "encoder", "sent", "transport")

    transport: QuicTransport
    control: int
    sent: int

    out_size = 0
    """The transport takes everything at once."""

    def __init__(self, streams: StreamTable[S], link: BaseLink[S]) -> None:
        super().__init__(streams.live, link, share=SHARE)
        self._inputs = streams.inputs
        self._blocked: dict[int, S] = {}
        self.encoder = FieldEncoder()
        self.sent = 0

    def connect(self, transport: QuicTransport, settings: dict[int, int]) -> None:
        """Open the control stream, with the settings (RFC 9114 section 6.2.1)."""
        self.transport = transport
        self.control = transport.open_unidirectional()
        transport.send(self.control, encoded_varint(CONTROL) + settings_frame(settings), False)

    # Frames.

    def put(self, data: bytes) -> None:
        """Send frames on the control stream."""
        self.transport.send(self.control, data, False)

    def send_head(self, stream: S, block: bytes, *, end: bool) -> None:
        """Send a header section."""
        self.transport.send(stream.id, headers_frame(block), end)
        if end:
            self._ended(stream)

    def send_response(self, stream: S, block: bytes, body: bytes, *, end: bool) -> None:
        size = len(body)
        if size and not self._order and size <= self._room(stream):
            self.sent += size
            self.transport.send(stream.id, b"".join((headers_frame(block), data_head(size), body)), end)
            if end:
                self._ended(stream)
            return
        self.send_head(stream, block, end=end and not size)
        if size:
            self._wait(stream, body, end)

    def send_data(self, stream: S, body: bytes, *, end: bool) -> None:
        size = len(body)
        if stream.unsent is not None or (size and (self._order or size > self._room(stream))):
            self._wait(stream, body, end)
        elif size or end:
            self.sent += size
            self.transport.send(stream.id, data_head(size) + body if size else b"", end)
            if end:
                self._ended(stream)

    def reset(self, stream: S, code: int) -> None:
        """Reset a stream; what is unsent is dropped, and so is what is still to come."""
        if stream.state != HALF_CLOSED_OURS:  # else everything is sent, and may still arrive
            self.transport.reset(stream.id, code)
        if stream.upload is not None:
            self.transport.stop(stream.id, code)
        self.close_stream(stream, RESET)

    def _stop(self, stream: S) -> None:
        self.transport.stop(stream.id, H3_NO_ERROR)
        self.close_stream(stream, CLOSED)

    def close_stream(self, stream: S, state: int) -> None:
        self._inputs.pop(stream.id, None)
        super().close_stream(stream, state)

    def _room(self, stream: S) -> int:
        """How many bytes of content may go at once."""
        return min(self._room_of_all(), self.transport.window(stream.id) - LARGEST_CONTENT_HEAD)

    def _room_of_all(self) -> int:
        transport = self.transport
        return min(MOST_QUEUED - transport.unsent(), transport.connection_window() - LARGEST_CONTENT_HEAD)

    # What waits.

    def _enqueue(self, stream: S) -> None:
        if not stream.is_queued and stream.id not in self._blocked:
            stream.is_queued = True
            self._order.add(stream)
            self._link.has_output()

    def _dequeue(self, stream: S) -> None:
        self._blocked.pop(stream.id, None)
        super()._dequeue(stream)

    def is_blocked(self, stream: S) -> bool:
        """Whether a stream waits for its client to open a window, and not for its turn."""
        return stream.id in self._blocked

    def progressed(self) -> None:
        """The transport has sent something, or the client has opened a window."""
        for stream in list(self._blocked.values()):
            if self.transport.window(stream.id) > LARGEST_CONTENT_HEAD:
                del self._blocked[stream.id]
                self._enqueue(stream)
        if self._order:
            self.fill()

    def fill(self) -> None:
        """Queue as much in the transport of what waits as there is room for."""
        order, room = self._order, self._room_of_all()
        while order and room > 0:
            stream = order.pop()
            stream.is_queued = False
            window = self.transport.window(stream.id) - LARGEST_CONTENT_HEAD
            if window <= 0:
                self._blocked[stream.id] = stream
                continue
            most = min(room, window, SHARE) if order.has_rivals(stream) else min(room, window)
            room -= self._send_some(stream, most)
            if stream.unsent is not None and not stream.is_queued:
                stream.is_queued = True
                order.add(stream)

    def _send_some(self, stream: S, most: int) -> int:
        """Send up to `most` bytes of a stream's unsent data, in one frame; returns how many."""
        unsent = stream.unsent
        assert unsent is not None
        parts: list[bytes | memoryview] = [b""]
        left = most
        while unsent.pieces and left > 0:
            piece = unsent.pieces[0]
            if len(piece) > left:
                unsent.pieces[0] = piece[left:]
                piece = piece[:left]
            else:
                unsent.pieces.popleft()
            left -= len(piece)
            parts.append(piece)
        size = most - left
        parts[0] = data_head(size)
        unsent.size -= size
        unsent.moved += size
        self.sent += size
        is_last = unsent.ends and not unsent.pieces and unsent.trailers is None
        self.transport.send(stream.id, b"".join(parts), is_last)
        if not unsent.pieces:
            self._sent_all(stream, unsent)
        else:
            stream.on_moved()
        return size
