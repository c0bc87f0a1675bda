"""Takes the bytes of an HTTP/2 connection apart into frames, and hands each to what knows its type.

Sans-I/O: `receive()` is told what came and when; what is to be said in return is in `out`. It reads as many frames as
there is room for in this turn of the loop (rule H-22), and keeps the rest for the next call. A frame is waited for
until it is whole, but for DATA. The first frame has to be SETTINGS, and between the frames of a header block there may
be no other (RFC 9113 sections 3.4 and 4.3).
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from esg_core.turns import LEAST_ROOM, UNCOUNTED, TurnBudget
from esg_http.h2.coding.codes import (
    ACK,
    CONTINUATION,
    DATA,
    DEFAULT_FRAME_SIZE,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    LAST_STREAM,
    PADDED,
    PING,
    PRIORITY,
    PRIORITY_UPDATE,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)
from esg_http.h2.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.frames import FRAME_HEADER, HEADER_SIZE, PREFACE, goaway_frame
from esg_http.h2.engine.control import ControlFrames
from esg_http.h2.engine.costs import FRAME
from esg_http.h2.engine.limits import H2Limits
from esg_http.h2.engine.requests import RequestFrames
from esg_http.h2.engine.sending import S

_unpack = FRAME_HEADER.unpack_from

SMALL_INPUT = 512
"""Bytes of input up to which the budget is not asked: they hold a few requests."""

Handler = Callable[[Any, int, int, bytes], None]


class Receiving(RequestFrames[S]):
    """A connection that is fed bytes.

    `has_begun` tells that the preface has come, `is_over` that whatever comes does not count any more. `is_behind`:
    there was no room for all that came, and `receive()` has to be called in another turn, with nothing new.
    """

    __slots__ = ("_budget", "_data_flags", "_rest", "has_begun", "is_behind", "is_over")

    def __init__(self, limits: H2Limits, budget: TurnBudget) -> None:
        super().__init__(limits)
        self._budget = budget
        self._rest = b""
        self._data_flags = 0
        self.has_begun = self.is_behind = self.is_over = False

    def receive(self, data: bytes, now: float) -> None:
        """Take the next bytes from the wire; `now` is in seconds, from whatever moment."""
        if self.is_over:
            return
        self._now = now
        if self._rest:
            data = self._rest + data
        room = self._room = LEAST_ROOM if len(data) < SMALL_INPUT else self._budget.room
        try:
            at = self._take(data) if self.has_begun else self._take_preface(data)
            self._rest = data[at:] if at < len(data) else b""
            self.is_behind = self._room <= 0 and len(self._rest) >= HEADER_SIZE and not self.is_over
        except ConnectionFault as fault:
            self._rest = b""
            self.is_behind = False
            self._fail(fault)
        if room - self._room > UNCOUNTED:
            self._budget.spend(room - self._room)

    def keep(self, data: bytes) -> None:
        """Put these bytes behind those that wait for another turn."""
        if not self.is_over:
            self._rest += data

    def _take_preface(self, data: bytes) -> int:
        """RFC 9113 section 3.4."""
        if not PREFACE.startswith(data[: len(PREFACE)]):
            raise ConnectionFault(PROTOCOL_ERROR, "not the preface of HTTP/2", "RFC 9113 section 3.4")
        size = len(PREFACE)
        if len(data) < size + HEADER_SIZE:
            return 0
        first, flags, number = _unpack(data, size)
        if first & 0xFF != SETTINGS or flags & ACK or number & LAST_STREAM:
            raise ConnectionFault(PROTOCOL_ERROR, "the first frame is not SETTINGS", "RFC 9113 section 3.4")
        self.has_begun = True
        self._has_started()
        return self._take(data, size)

    def _take(self, data: bytes, at: int = 0) -> int:
        """Handle all frames in `data` that are whole and for which there is room; returns where the others begin."""
        size = len(data)
        if self._data_left:
            at = self._take_more_data(data)
        while size - at >= HEADER_SIZE and self._room > 0:
            first, flags, number = _unpack(data, at)
            length = first >> 8
            end = at + HEADER_SIZE + length
            if length > DEFAULT_FRAME_SIZE:
                raise ConnectionFault(FRAME_SIZE_ERROR, "a frame is too large", "RFC 9113 section 4.2")
            kind = first & 0xFF
            if end > size:
                if kind != DATA or flags & PADDED or self._block is not None:
                    break
                self._begin_data(flags, number & LAST_STREAM, end - size, data[at + HEADER_SIZE :])
                return size
            self._handle(kind, flags, number & LAST_STREAM, data[at + HEADER_SIZE : end])
            at = end
        return at

    def _handle(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        block = self._block
        if block is not None and (kind != CONTINUATION or number != block.number):
            raise ConnectionFault(PROTOCOL_ERROR, "a frame within a header block", "RFC 9113 section 6.10")
        try:
            if kind == HEADERS:
                self.on_headers(flags, number, payload)
            else:
                self._room -= FRAME
                _HANDLERS.get(kind, ControlFrames.on_unknown)(self, flags, number, payload)
        except StreamFault as fault:
            self._fault(number, fault)

    def _begin_data(self, flags: int, number: int, missing: int, part: bytes) -> None:
        self._data_flags = flags
        try:
            self.on_data_part(number, missing, part)
        except StreamFault as fault:
            self._fault(number, fault)

    def _take_more_data(self, data: bytes) -> int:
        """Go on with a DATA frame that has begun; returns where what follows it begins."""
        part = data[: self._data_left]
        stream = self._data
        try:
            self.on_more_data(self._data_flags, part)
        except StreamFault as fault:
            assert stream is not None
            self._fault(stream.id, fault)
        return len(part)

    def _fail(self, fault: ConnectionFault) -> None:
        """End the connection because of what the client did (RFC 9113 section 5.4.1)."""
        self.is_over = True
        self._has_fault(fault)
        self.put(goaway_frame(self.last, fault.code, str(fault)))
        self._has_failed()

    @abstractmethod
    def _has_started(self) -> None:
        """The client's preface has come: it has to acknowledge the server's settings, and may ask."""

    @abstractmethod
    def _has_failed(self) -> None:
        """The connection is over, but for what is in `out`."""


_HANDLERS: dict[int, Handler] = {
    DATA: Receiving.on_data,
    RST_STREAM: Receiving.on_rst_stream,
    WINDOW_UPDATE: Receiving.on_window_update,
    SETTINGS: Receiving.on_settings,
    PING: Receiving.on_ping,
    CONTINUATION: Receiving.on_continuation,
    PRIORITY: Receiving.on_priority,
    PRIORITY_UPDATE: Receiving.on_priority_update,
    PUSH_PROMISE: Receiving.on_push_promise,
    GOAWAY: Receiving.on_goaway,
}
