"""The frames that make up requests: HEADERS, CONTINUATION and DATA (RFC 9113 sections 6 and 8).

Sans-I/O. A header block is read as a whole once its last frame is there; what a block means is remembered, because
clients send few different ones. DATA is handed on as it comes, also before its frame is complete.
"""

from abc import abstractmethod

from esg_core.asgi import Headers
from esg_core.errors import RequestError
from esg_http.h2.coding.codes import (
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    HEADERS,
    PADDED,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    WITH_PRIORITY,
)
from esg_http.h2.coding.faults import ConnectionFault, StreamFault, TooManyFields
from esg_http.h2.coding.frames import content_of, reset_frame, window_frame
from esg_http.h2.coding.hpack import HeaderDecoder
from esg_http.h2.engine.allowance import Allowance
from esg_http.h2.engine.base_stream import Upload
from esg_http.h2.engine.control import ControlFrames
from esg_http.h2.engine.costs import BYTES_A_UNIT, CANCELLATION, FIELD, OVERSIZED_BLOCK, REQUEST
from esg_http.h2.engine.limits import CONTINUATIONS, H2Limits
from esg_http.h2.engine.request_head import UNKNOWN_LENGTH, RequestHead, check_trailers, malformed
from esg_http.h2.engine.sending import S
from esg_http.h2.engine.states import AFTER_THEIR_END, CLOSED, GOES_ON, HALF_CLOSED_THEIRS
from esg_http.h2.engine.windows import ConnectionWindow, StreamWindow

PSEUDO_FIELDS = frozenset((b":method", b":scheme", b":path"))
"""Fields of a header section that do not count. The authority does, as the host."""

MOST_CRUMBS = 512
"""Fields, beyond the limit, that a cookie may be cut into: together they count as one (RFC 9113 section 8.2.3)."""

SMALL_DATA = 64
"""Bytes of content from which on a DATA frame is not small."""

SMALL_A_FRAME = 50
"""Small DATA frames that count as one frame of no use: a client that streams measurements sends hundreds a second."""

REMEMBERED_HEADS = 64
REMEMBERED_BLOCK = 256
"""Bytes of a header block whose meaning is remembered."""

_NONSENSE = 0x100
"""Beside the flags of a frame: its stream is said to depend on itself."""


class _Block:
    """A header block that is not complete."""

    __slots__ = ("_frames", "_parts", "_size", "flags", "number")

    def __init__(self, number: int, flags: int, part: bytes) -> None:
        self.number = number
        self.flags = flags
        self._parts = [part]
        self._size = len(part)
        self._frames = 0

    def add(self, part: bytes, most: int) -> None:
        """Take the next part; raises `ConnectionFault` for more than is waited for."""
        self._parts.append(part)
        self._size += len(part)
        self._frames += 1
        if self._size > most or self._frames > CONTINUATIONS:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "a header block is too large", "RFC 9113 section 10.5.1")

    def whole(self) -> bytes:
        """The block, once its last part is there."""
        return b"".join(self._parts)


class RequestFrames(ControlFrames[S]):
    """A connection that reads requests.

    `leftovers` counts what still runs for streams that are closed: it takes the place of streams.
    """

    __slots__ = (
        "_block",
        "_changes",
        "_data",
        "_data_left",
        "_decoder",
        "_heads",
        "_server_resets",
        "_small_data",
        "_too_large",
        "_window",
        "ignores_new",
        "leftovers",
    )

    def __init__(self, limits: H2Limits) -> None:
        super().__init__(limits)
        self._decoder = HeaderDecoder(limits.fields + len(PSEUDO_FIELDS) + MOST_CRUMBS, limits.field_bytes)
        self._heads: dict[bytes, RequestHead] = {}
        self._changes = 0
        self._block: _Block | None = None
        self._data: S | None = None
        self._data_left = 0
        self._server_resets = Allowance(limits.server_resets, "streams that had to be reset")
        self._too_large = Allowance(limits.server_resets, "header sections that are too large")
        self._small_data = Allowance(limits.control_frames * SMALL_A_FRAME, "small DATA frames")
        self._window = ConnectionWindow()
        self.ignores_new = False
        self.leftovers = 0

    # Header blocks.

    def on_headers(self, flags: int, number: int, payload: bytes) -> None:
        """A header block, or the first part of one (RFC 9113 section 6.2)."""
        if flags & (PADDED | WITH_PRIORITY):
            payload, depends_on = content_of(payload, flags)
            if depends_on == number:
                flags |= _NONSENSE
        if flags & END_HEADERS:
            self._on_block(flags, number, payload)
        else:
            self._block = _Block(number, flags, payload)
            self._has_begun_block()

    def on_continuation(self, flags: int, _number: int, payload: bytes) -> None:
        """The next part, of the stream whose block is not complete: whoever takes frames apart sees to that."""
        block = self._block
        if block is None:
            raise ConnectionFault(PROTOCOL_ERROR, "CONTINUATION of nothing", "RFC 9113 section 6.10")
        block.add(payload, self._limits.field_bytes)
        if flags & END_HEADERS:
            self._block = None
            self._on_block(block.flags, block.number, block.whole())
        elif len(payload) < SMALL_DATA:
            self._control_frames.spend(self._now)

    def _on_block(self, flags: int, number: int, block: bytes) -> None:
        if number > self.last and number & 1:
            self.last = number
            self._open(flags, number, block)
        else:
            self._on_trailers(flags, number, block)

    def _open(self, flags: int, number: int, block: bytes) -> None:
        """A new request, as far as its header section."""
        head: RequestHead | RequestError
        self._room -= REQUEST
        try:
            head = self._heads.get(block) or self._read_head(block)
        except RequestError as error:
            head = error
        if self.ignores_new:
            self._control_frames.spend(self._now)
            self.remember_reset(number)
        elif len(self.live) + self.leftovers >= self._limits.streams and not self._has_room():
            self._refuse(number)
        elif flags & _NONSENSE:
            raise StreamFault(PROTOCOL_ERROR, "a stream depends on itself", "RFC 9113 section 5.3")
        elif isinstance(head, RequestError):
            self._decline(self._add_stream(flags, number, UNKNOWN_LENGTH), head)
        else:
            stream = self._add_stream(flags, number, head.length)
            stream.priority = head.priority
            if self._early_priorities:
                self._take_early_priority(stream)
            self._begin(stream, head)

    def _add_stream(self, flags: int, number: int, length: int) -> S:
        if flags & END_STREAM and length > 0:
            raise malformed("no body, against its content-length")
        stream = self._make_stream(number, self._stream_window)
        if flags & END_STREAM:
            stream.state = HALF_CLOSED_THEIRS
        else:
            stream.upload = Upload(StreamWindow(self._window, self._limits.stream_window), length)
        self.live[number] = stream
        return stream

    def _read_head(self, block: bytes) -> RequestHead:
        """What a block means; remembered until the table of the compression changes, unless it does so itself."""
        before = self._decoder.changes
        head = RequestHead(self._decode(block))
        if len(head.method) + len(head.target) > self._limits.request_line:
            raise RequestError(414, "the request target is too long", "RFC 9110 section 15.5.15")
        if len(block) <= REMEMBERED_BLOCK and self._decoder.changes == before:
            if len(self._heads) >= REMEMBERED_HEADS:
                self._heads.clear()
            self._heads[block] = head
        return head

    def _decode(self, block: bytes) -> Headers:
        try:
            fields = self._decoder.decode(block)
            most = self._limits.fields
            if len(fields) > most and _count(fields) > most:
                raise TooManyFields("too many header fields")
        except TooManyFields:
            self._too_large.spend(self._now)
            self._room -= OVERSIZED_BLOCK
            raise
        finally:
            if self._changes != self._decoder.changes:
                self._changes = self._decoder.changes
                self._heads.clear()
        self._room -= len(fields) * FIELD + len(block) // BYTES_A_UNIT
        return fields

    def _has_room(self) -> bool:
        """Look again whether another stream may be opened."""
        self._count_leftovers()
        return len(self.live) + self.leftovers < self._limits.streams

    def _refuse(self, number: int) -> None:
        """One stream too many: the client may ask again (RFC 9113 section 5.1.2)."""
        self._client_resets.spend(self._now)
        self.put(reset_frame(number, REFUSED_STREAM))
        self.remember_reset(number)

    def _take_early_priority(self, stream: S) -> None:
        stream.priority = self._early_priorities.pop(stream.id, stream.priority)
        for number in [number for number in self._early_priorities if number < stream.id]:
            del self._early_priorities[number]

    def _on_trailers(self, flags: int, number: int, block: bytes) -> None:
        """A header block of a stream that is not new; read even if it is ignored, for the tables to stay in step."""
        try:
            fields = self._decode(block)
        except TooManyFields as error:
            raise StreamFault(ENHANCE_YOUR_CALM, str(error), error.section) from None
        if self._effect(HEADERS, number) == GOES_ON:
            if not flags & END_STREAM:
                raise malformed("a second header section that is not the end", "8.1")
            check_trailers(fields)
            self._end_content(self.live[number])
        else:
            self._control_frames.spend(self._now)

    # Data.

    def on_data(self, flags: int, number: int, payload: bytes) -> None:
        """A whole DATA frame (RFC 9113 section 6.1)."""
        stream = self._take_window(number, len(payload))
        if stream is None:
            return
        if flags & PADDED:
            payload = self._without_padding(stream, payload)
        if len(payload) < SMALL_DATA and not flags & END_STREAM:
            self._spend_small(payload)
        if payload:
            self._take_content(stream, payload)
        if flags & END_STREAM:
            self._end_content(stream)

    def _spend_small(self, content: object) -> None:
        """Charge a DATA frame with little content, or none, that is not the last of its body."""
        (self._small_data if content else self._control_frames).spend(self._now)

    def on_data_part(self, number: int, size: int, part: bytes) -> None:
        """The beginning of a DATA frame without padding, of which `size` bytes are still to come."""
        self._data_left = size
        self._data = stream = self._take_window(number, len(part) + size)
        if stream is not None and part:
            self._take_content(stream, part)

    def on_more_data(self, flags: int, part: bytes) -> None:
        """The next part of that frame."""
        stream = self._data
        self._data_left -= len(part)
        if not self._data_left:
            self._data = None
        if stream is not None:
            self._take_content(stream, part)
            if not self._data_left and flags & END_STREAM:
                self._end_content(stream)

    def _take_window(self, number: int, size: int) -> S | None:
        """Count the bytes of a DATA frame; returns its stream, None if that is to be ignored."""
        if not number:
            raise ConnectionFault(PROTOCOL_ERROR, "DATA of no stream", "RFC 9113 section 6.1")
        opened = self._window.take(size)
        if opened:
            self.put(window_frame(0, opened))
        stream = self.live.get(number)
        if stream is None or stream.upload is None:
            self._effect(DATA, number)
            if size < SMALL_DATA:
                self._spend_small(size)
            return None
        stream.upload.window.take(size)
        return stream

    def _without_padding(self, stream: S, payload: bytes) -> bytes:
        content, _ = content_of(payload, PADDED)
        self.consumed(stream, len(payload) - len(content))
        return content

    def _take_content(self, stream: S, data: bytes) -> None:
        upload = stream.upload
        if upload is None:  # something that came with the parts before has closed the stream
            return
        upload.received += len(data)
        if upload.expected != UNKNOWN_LENGTH:
            upload.expected -= len(data)
            if upload.expected < 0:
                raise malformed("the body is longer than its content-length")
        stream.on_content(data)

    def _end_content(self, stream: S) -> None:
        """The client's last frame of a stream has come."""
        upload = stream.upload
        if upload is None:
            return
        if upload.expected > 0:
            raise malformed("the body is shorter than its content-length")
        upload.window.close()
        stream.upload = None
        stream.state = AFTER_THEIR_END[stream.state]
        if stream.state == CLOSED:
            self._close_stream(stream, CLOSED)
        stream.on_end()

    def consumed(self, stream: S, size: int) -> None:
        """So much of a body is not held any more: the client may send more of it."""
        if stream.upload is not None:
            opened = stream.upload.window.read(size)
            if opened:
                self.put(window_frame(stream.id, opened))

    # Faults.

    def _fault(self, number: int, fault: StreamFault) -> None:
        """End a stream because of what the client did; doing so too often ends the connection."""
        self._has_fault(fault)
        self._server_resets.spend(self._now)
        self._room -= CANCELLATION
        stream = self.live.get(number)
        if stream is None:
            self.put(reset_frame(number, fault.code))
            self.remember_reset(number)
        else:
            self.reset(stream, fault.code)
            stream.on_reset()

    # What whoever serves the requests does.

    @abstractmethod
    def _make_stream(self, number: int, window: int) -> S:
        """A new stream, whose window for sending is given."""

    @abstractmethod
    def _begin(self, stream: S, head: RequestHead) -> None:
        """A request has come, as far as its head; it is complete if the stream has no upload."""

    @abstractmethod
    def _decline(self, stream: S, error: RequestError) -> None:
        """Answer a request that is well-formed, and not served."""

    @abstractmethod
    def _has_begun_block(self) -> None:
        """The first part of a header block has come: set the deadline for the rest."""

    @abstractmethod
    def _has_fault(self, fault: StreamFault | ConnectionFault) -> None:
        """Log what a client did wrong."""

    @abstractmethod
    def _count_leftovers(self) -> None:
        """Set `leftovers` anew."""


def _count(fields: Headers) -> int:
    """How many fields count; a cookie in crumbs is one (RFC 9113 section 8.2.3)."""
    names = [name for name, _ in fields if name not in PSEUDO_FIELDS]
    return len(names) - max(0, names.count(b"cookie") - 1)
