"""Splits the bytes of an HTTP/2 connection into frames, and hands each to the handler of its type.

Sans-I/O: `receive()` is given input and its time. It reads as many frames as there is room for in this turn of the loop
(rule H-22), and keeps the rest for the next call. Frames are handled when they are whole, except for DATA. The first
frame must be SETTINGS, and no other frame may come between those of a header block (RFC 9113 sections 3.4 and 4.3).
"""

from collections.abc import Callable, Mapping
from typing import Generic

from esg_core.turns import LEAST_ROOM, UNCOUNTED
from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.codes import (
    ACK,
    DATA,
    DEFAULT_FRAME_SIZE,
    FRAME_SIZE_ERROR,
    HEADERS,
    LAST_STREAM,
    PADDED,
    PROTOCOL_ERROR,
    SETTINGS,
)
from esg_http.h2.coding.frames import FRAME_HEADER, HEADER_SIZE, PREFACE
from esg_http.h2.engine.data import DataFrames
from esg_http.h2.engine.endings import Endings
from esg_http.h2.engine.link import EngineLink
from esg_http.h2.engine.requests import RequestFrames
from esg_http.multiplexed.account import Account
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.costs import FRAME
from esg_http.multiplexed.engine.link import Linked

_unpack = FRAME_HEADER.unpack_from

SMALL_INPUT = 512
"""Bytes of input below which the budget is not asked: so few hold a few requests at most."""

Handler = Callable[[int, int, bytes], None]
"""Handles a type of frame; takes flags, stream and payload."""


class Receiving(Linked[EngineLink[S]], Generic[S]):
    """Reads the bytes of a connection; `handlers` maps each type of frame to what handles it.

    `has_begun`: the preface has come. `is_behind`: there was no room for everything that came, and `receive()` must be
    called in a later turn.
    """

    __slots__ = (
        "_account",
        "_data",
        "_data_flags",
        "_endings",
        "_handlers",
        "_requests",
        "_rest",
        "has_begun",
        "is_behind",
    )

    def __init__(
        self,
        account: Account,
        requests: RequestFrames[S],
        data: DataFrames[S],
        handlers: Mapping[int, Handler],
        endings: Endings[S],
        link: EngineLink[S],
    ) -> None:
        super().__init__(link)
        self._account = account
        self._requests = requests
        self._data = data
        self._handlers = handlers
        self._endings = endings
        self._rest = b""
        self._data_flags = 0
        self.has_begun = self.is_behind = False

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their frame, or for a later turn."""
        return len(self._rest)

    def receive(self, data: bytes, now: float) -> None:
        """Take the next bytes from the wire; `now` is in seconds, by any clock."""
        if self._endings.is_over:
            return
        account = self._account
        account.now = now
        if self._rest:
            data = self._rest + data
        room = account.room = LEAST_ROOM if len(data) < SMALL_INPUT else account.budget.room
        try:
            at = self._take(data) if self.has_begun else self._take_preface(data)
            self._rest = data[at:] if at < len(data) else b""
            self.is_behind = account.room <= 0 and len(self._rest) >= HEADER_SIZE and not self._endings.is_over
        except ConnectionFault as fault:
            self._rest = b""
            self.is_behind = False
            self._endings.end_connection(fault)
        if room - account.room > UNCOUNTED:
            account.budget.spend(room - account.room)

    def go_on(self, now: float) -> None:
        """Take what has waited."""
        self.receive(b"", now)

    def keep(self, data: bytes) -> None:
        """Add bytes to those that wait for a later turn."""
        if not self._endings.is_over:
            self._rest += data

    def _take_preface(self, data: bytes) -> int:
        """Check what a client begins with (RFC 9113 section 3.4)."""
        if not PREFACE.startswith(data[: len(PREFACE)]):
            raise ConnectionFault(PROTOCOL_ERROR, "not the HTTP/2 preface", "RFC 9113 section 3.4")
        size = len(PREFACE)
        if len(data) < size + HEADER_SIZE:
            return 0
        first, flags, number = _unpack(data, size)
        if first & 0xFF != SETTINGS or flags & ACK or number & LAST_STREAM:
            raise ConnectionFault(PROTOCOL_ERROR, "the first frame is not SETTINGS", "RFC 9113 section 3.4")
        self.has_begun = True
        self._link.has_started()
        return self._take(data, size)

    def _take(self, data: bytes, at: int = 0) -> int:
        """Handle all whole frames in `data` that there is room for; returns where the rest begins."""
        size = len(data)
        account = self._account
        if self._data.left:
            at = self._take_more_data(data)
        while size - at >= HEADER_SIZE and account.room > 0:
            first, flags, number = _unpack(data, at)
            length = first >> 8
            end = at + HEADER_SIZE + length
            if length > DEFAULT_FRAME_SIZE:
                raise ConnectionFault(FRAME_SIZE_ERROR, "a frame is too large", "RFC 9113 section 4.2")
            kind = first & 0xFF
            number &= LAST_STREAM
            if end > size:
                if kind != DATA or flags & PADDED or self._requests.block is not None:
                    break
                self._begin_data(flags, number, end - size, data[at + HEADER_SIZE :])
                return size
            if self._requests.block is not None:
                self._requests.check_next(kind, number)
            try:
                if kind == HEADERS:
                    self._requests.on_headers(flags, number, data[at + HEADER_SIZE : end])
                else:
                    account.room -= FRAME
                    self._handlers.get(kind, self._on_unknown)(flags, number, data[at + HEADER_SIZE : end])
            except StreamFault as fault:
                self._requests.end_stream(number, fault)
            at = end
        return at

    def _begin_data(self, flags: int, number: int, missing: int, part: bytes) -> None:
        self._data_flags = flags
        try:
            self._data.on_data_part(number, missing, part)
        except StreamFault as fault:
            self._requests.end_stream(number, fault)

    def _take_more_data(self, data: bytes) -> int:
        """Continue a DATA frame that has begun; returns where the next frame begins."""
        part = data[: self._data.left]
        stream = self._data.stream
        try:
            self._data.on_more_data(self._data_flags, part)
        except StreamFault as fault:
            assert stream is not None
            self._requests.end_stream(stream.id, fault)
        return len(part)

    def _on_unknown(self, _flags: int, _number: int, _payload: bytes) -> None:
        """Ignore a frame of unknown type, as RFC 9113 section 5.5 requires."""
        self._account.charge_useless()
