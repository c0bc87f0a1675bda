"""The sending half of an HTTP/2 connection: frames go out as flow control and priorities allow.

Sans-I/O: frames are collected in `out`, and the connection writes them. What fits at once is framed at once; the rest
of a response waits with its stream, and `fill()` takes from what waits, in the order of priorities (RFC 9218), whenever
there is room.
"""

from typing import Generic

from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.codes import (
    DATA,
    DEFAULT_FRAME_SIZE,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    HEADERS,
    LAST_STREAM,
    NO_ERROR,
)
from esg_http.h2.coding.frames import HEADER_SIZE, frame, headers_frames, pack, reset_frame
from esg_http.h2.coding.hpack import HeaderEncoder
from esg_http.h2.engine.streams import StreamTable
from esg_http.multiplexed.base_stream import S, Unsent
from esg_http.multiplexed.engine.link import BaseLink
from esg_http.multiplexed.engine.sending import BaseSending
from esg_http.multiplexed.states import RESET

LARGEST_FRAME = 4 * DEFAULT_FRAME_SIZE
"""The largest payload of a frame, in bytes, even if the client accepts more: streams take turns by frames."""

NOT_AT_ONCE = -1
"""In place of the size up to which data is framed at once, while other data waits or nothing can be written."""

UPDATES_A_FRAME = 2
"""WINDOW_UPDATEs that a client may answer a DATA frame with: one for the stream, one for the connection."""

SMALL = 256
"""Bytes; if a window has cut a frame off below this size, that is the client's wish, and no answer to it is due."""


class Sending(BaseSending[S], Generic[S]):
    """Frames to be written, in `out`, and what waits behind windows, priorities and the transport.

    `window` is what the connection may send, `stream_window` what each new stream may send, `updates_due` how many
    WINDOW_UPDATEs the client may send in answer; `is_stuck`: the transport takes no more.
    """

    __slots__ = (
        "_at_once",
        "_frame_size",
        "_granted",
        "_streams",
        "encoder",
        "is_stuck",
        "out",
        "out_size",
        "stream_window",
        "updates_due",
        "window",
    )

    encoder: HeaderEncoder

    def __init__(self, streams: StreamTable[S], link: BaseLink[S]) -> None:
        super().__init__(streams.live, link, share=DEFAULT_FRAME_SIZE)
        self._streams = streams
        self.out: list[bytes | memoryview] = []
        self.out_size = 0
        self.encoder = HeaderEncoder()
        self.window = self._granted = self.stream_window = DEFAULT_WINDOW
        self.updates_due = 0
        self._frame_size = self._at_once = DEFAULT_FRAME_SIZE
        self.is_stuck = False

    @property
    def sent(self) -> int:
        return self._granted - self.window

    # Frames.

    def put(self, data: bytes) -> None:
        """Send frames that need no window."""
        self.out.append(data)
        self.out_size += len(data)
        self._link.has_output()

    def send_head(self, stream: S, block: bytes, *, end: bool) -> None:
        """Send a header section, which must have just been encoded."""
        self.put(headers_frames(stream.id, block, self._frame_size, end=end))
        if end:
            self._ended(stream)

    def send_response(self, stream: S, block: bytes, body: bytes, *, end: bool) -> None:
        size = len(body)
        at_once = self._at_once
        if 0 < size <= at_once and size <= self.window and size <= stream.window and len(block) <= at_once:
            self.window -= size
            stream.window -= size
            self.updates_due += UPDATES_A_FRAME
            head = pack(len(block) << 8 | HEADERS, END_HEADERS, stream.id)
            self.put(b"".join((head, block, pack(size << 8, end, stream.id), body)))
            if end:
                self._ended(stream)
            return
        self.send_head(stream, block, end=end and not size)
        if size:
            self.send_data(stream, body, end=end)

    def send_data(self, stream: S, body: bytes, *, end: bool) -> None:
        size = len(body)
        if stream.unsent is None and (not size or size <= min(self._at_once, self.window, stream.window)):
            if not body and not end:
                return
            self.window -= size
            stream.window -= size
            self.updates_due += UPDATES_A_FRAME
            self.put(frame(DATA, END_STREAM if end else 0, stream.id, body))
            if end:
                self._ended(stream)
        else:
            self._wait(stream, body, end)

    def reset(self, stream: S, code: int) -> None:
        """Reset a stream; what is unsent is dropped."""
        self.put(reset_frame(stream.id, code))
        self._streams.remember_reset(stream.id)
        self.close_stream(stream, RESET)

    def _stop(self, stream: S) -> None:
        self.reset(stream, NO_ERROR)

    # What waits.

    def _enqueue(self, stream: S) -> None:
        if not stream.is_queued and stream.window > 0:
            stream.is_queued = True
            self._order.add(stream)
            self._at_once = NOT_AT_ONCE
            self._link.has_output()

    def _dequeue(self, stream: S) -> None:
        super()._dequeue(stream)
        self._update_at_once()

    def fill(self, room: int) -> bool:
        """Frame about `room` bytes of what waits; returns whether more could go at once."""
        while self._order and room > 0 and self.window > 0:
            stream = self._order.pop()
            stream.is_queued = False
            room -= self._send_some(stream, self._share if self._order.has_rivals(stream) else room)
            if stream.unsent is not None and stream.window > 0:
                stream.is_queued = True
                self._order.add(stream)
        self._update_at_once()
        return bool(self._order) and self.window > 0

    def _send_some(self, stream: S, most: int) -> int:
        """Frame up to `most` bytes of a stream's unsent data; returns how many."""
        unsent = stream.unsent
        assert unsent is not None
        left = room = min(most, self.window, stream.window)
        while unsent.pieces and left > 0:
            left -= self._frame_piece(stream, unsent, left)
        unsent.moved += room - left
        if not unsent.pieces:
            self._sent_all(stream, unsent)
        elif left < room:
            stream.on_moved()
        return room - left

    def _frame_piece(self, stream: S, unsent: Unsent, room: int) -> int:
        """Frame as much of the first piece as there is room for: all frames but the last have the largest size."""
        piece = unsent.pieces[0]
        size = len(piece)
        if size > room:
            size = room
            unsent.pieces[0] = piece[size:]
        else:
            unsent.pieces.popleft()
        full, out = self._frame_size, self.out
        start = (size - 1) // full * full
        if start:
            head = pack(full << 8 | DATA, 0, stream.id)
            for at in range(0, start, full):
                out.append(head)
                out.append(piece[at : at + full])
        is_last = unsent.ends and not unsent.pieces and unsent.trailers is None
        out.append(pack((size - start) << 8 | DATA, END_STREAM if is_last else 0, stream.id))
        out.append(piece if not start and size == len(piece) else piece[start:size])
        frames = start // full + 1
        self.out_size += HEADER_SIZE * frames + size
        self.window -= size
        stream.window -= size
        unsent.size -= size
        if size - start < SMALL and size < len(piece) and not (stream.window and self.window):
            frames -= 1
        self.updates_due += UPDATES_A_FRAME * frames
        return size

    # What the client decides.

    def widen(self, increment: int) -> None:
        """The client opens the connection's window."""
        self.window += increment
        self._granted += increment
        if self.window > LAST_STREAM:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "a window beyond 2^31-1", "RFC 9113 section 6.9.1")
        if self._order:
            self._link.has_output()

    def widen_stream(self, stream: S, increment: int) -> None:
        """The client opens a stream's window."""
        stream.window += increment
        if stream.window > LAST_STREAM:
            raise StreamFault(FLOW_CONTROL_ERROR, "a window beyond 2^31-1", "RFC 9113 section 6.9.1")
        if stream.unsent is not None:
            self._enqueue(stream)

    def set_stream_window(self, size: int) -> None:
        """The client changes the initial window of all streams (RFC 9113 section 6.9.2)."""
        change, self.stream_window = size - self.stream_window, size
        for stream in self._live.values():
            try:
                self.widen_stream(stream, change)
            except StreamFault as fault:
                raise ConnectionFault(fault.code, str(fault), fault.section) from None

    def set_frame_size(self, size: int) -> None:
        """The client changes how large frames may be."""
        self._frame_size = self._share = min(size, LARGEST_FRAME)
        self._update_at_once()

    def set_stuck(self, is_stuck: bool) -> None:
        """The transport takes no more, or takes data again."""
        self.is_stuck = is_stuck
        self._update_at_once()

    def _update_at_once(self) -> None:
        self._at_once = NOT_AT_ONCE if self.is_stuck or self._order else self._frame_size
