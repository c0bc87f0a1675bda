"""The frames that begin requests, or end them with trailers: HEADERS and CONTINUATION (RFC 9113 sections 6 and 8).

Sans-I/O. A header block is decoded as a whole, once its last frame has come; its meaning is remembered, because clients
send few different ones.
"""

from typing import Generic

from esg_core.asgi import Headers
from esg_core.errors import RequestError
from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.codes import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    HEADERS,
    PADDED,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    WITH_PRIORITY,
)
from esg_http.h2.coding.frames import content_of, reset_frame
from esg_http.h2.coding.hpack import HeaderDecoder
from esg_http.h2.engine.data import DataFrames
from esg_http.h2.engine.link import EngineLink
from esg_http.h2.engine.malformed import MALFORMED
from esg_http.h2.engine.sending import Sending
from esg_http.h2.engine.states import GOES_ON
from esg_http.h2.engine.streams import StreamTable
from esg_http.h2.engine.windows import StreamWindow
from esg_http.multiplexed.account import SMALL_DATA, Account
from esg_http.multiplexed.base_stream import S, Upload
from esg_http.multiplexed.costs import REQUEST
from esg_http.multiplexed.engine.requests import BaseRequests
from esg_http.multiplexed.limits import Limits
from esg_http.multiplexed.request_head import SEQUENCE, UNKNOWN_LENGTH, RequestHead
from esg_http.multiplexed.states import HALF_CLOSED_THEIRS

CONTINUATIONS = 16
"""Frames that a header block may have after its first: 64 KiB need three."""

REMEMBERED_BLOCK = 256
"""Bytes; the meaning of a longer header block is not remembered."""

_DEPENDS_ON_ITSELF = 0x100
"""Set beside the flags of a frame that makes its stream depend on itself."""


class HeaderBlock:
    """An incomplete header block, of which `size` bytes have come."""

    __slots__ = ("_frames", "_parts", "flags", "number", "size")

    def __init__(self, number: int, flags: int, part: bytes) -> None:
        self.number = number
        self.flags = flags
        self._parts = [part]
        self.size = len(part)
        self._frames = 0

    def add(self, part: bytes, most: int) -> None:
        """Add the next part; raises `ConnectionFault` if the block is too large."""
        self._parts.append(part)
        self.size += len(part)
        self._frames += 1
        if self.size > most or self._frames > CONTINUATIONS:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "a header block is too large", "RFC 9113 section 10.5.1")

    def whole(self) -> bytes:
        """The block, once its last part has come."""
        return b"".join(self._parts)


class RequestFrames(BaseRequests[S], Generic[S]):
    """Reads the header sections of requests; `block` is the header block that has begun."""

    __slots__ = ("_data", "_streams", "block", "decoder")

    errors = MALFORMED
    refused = REFUSED_STREAM
    excessive = ENHANCE_YOUR_CALM
    remembered_block = REMEMBERED_BLOCK
    _link: EngineLink[S]
    _sending: Sending[S]

    def __init__(
        self,
        streams: StreamTable[S],
        sending: Sending[S],
        data: DataFrames[S],
        account: Account,
        limits: Limits,
        link: EngineLink[S],
    ) -> None:
        super().__init__(streams.live, sending, account, limits, link)
        self._streams = streams
        self._data = data
        self.decoder = HeaderDecoder(limits.decoded_fields, limits.field_bytes)
        self.block: HeaderBlock | None = None

    def on_headers(self, flags: int, number: int, payload: bytes) -> None:
        """A header block, or the first part of one (RFC 9113 section 6.2)."""
        if flags & (PADDED | WITH_PRIORITY):
            payload, depends_on = content_of(payload, flags)
            if depends_on == number:
                flags |= _DEPENDS_ON_ITSELF
        if flags & END_HEADERS:
            self._on_block(flags, number, payload)
        else:
            self.block = HeaderBlock(number, flags, payload)
            self._link.has_begun_block()

    def check_next(self, kind: int, number: int) -> None:
        """Check a frame that follows an unfinished header block (RFC 9113 section 6.10)."""
        if self.block is not None and (kind != CONTINUATION or number != self.block.number):
            raise ConnectionFault(PROTOCOL_ERROR, "a frame within a header block", "RFC 9113 section 6.10")

    def on_continuation(self, flags: int, _number: int, payload: bytes) -> None:
        """The next part of the block; `check_next()` has been called."""
        block = self.block
        if block is None:
            raise ConnectionFault(PROTOCOL_ERROR, "CONTINUATION without a header block", "RFC 9113 section 6.10")
        block.add(payload, self._limits.field_bytes)
        if flags & END_HEADERS:
            self.block = None
            self._on_block(block.flags, block.number, block.whole())
        elif len(payload) < SMALL_DATA:
            self._account.charge_useless()

    def _on_block(self, flags: int, number: int, block: bytes) -> None:
        if number > self._streams.last and number & 1:
            self._streams.last = number
            self._open(flags, number, block)
        else:
            self._on_trailers(flags, number, block)

    def _open(self, flags: int, number: int, block: bytes) -> None:
        """Begin a new request, whose header section is complete."""
        head: RequestHead | RequestError
        self._account.room -= REQUEST
        try:
            head = self._heads.get(block) or self._read_head(block)
        except RequestError as error:
            head = error
        if self.ignores_new:
            self._account.charge_useless()
            self._streams.remember_reset(number)
        elif len(self._live) + self.leftovers >= self._limits.streams and not self._has_room():
            self._refuse(number)
        elif flags & _DEPENDS_ON_ITSELF:
            raise StreamFault(PROTOCOL_ERROR, "a stream depends on itself", "RFC 9113 section 5.3")
        elif isinstance(head, RequestError):
            self._link.decline(self._add_stream(flags, number, UNKNOWN_LENGTH), head)
        else:
            stream = self._add_stream(flags, number, head.length)
            stream.priority = head.priority
            if self._streams.early_priorities:
                self._streams.take_early_priority(stream)
            self._link.begin(stream, head)

    def _add_stream(self, flags: int, number: int, length: int) -> S:
        if flags & END_STREAM and length > 0:
            raise self.errors.malformed("no body despite its content-length")
        stream = self._link.make_stream(number, self._sending.stream_window)
        if flags & END_STREAM:
            stream.state = HALF_CLOSED_THEIRS
        else:
            stream.upload = Upload(StreamWindow(self._data.window, self._limits.stream_window), length)
        self._live[number] = stream
        return stream

    def _fields_of(self, block: bytes) -> Headers:
        try:
            return self.decoder.decode(block)
        finally:
            if self._changes != self.decoder.changes:
                self._changes = self.decoder.changes
                self._heads.clear()

    def _give_up(self, number: int, code: int) -> None:
        self._sending.put(reset_frame(number, code))
        self._streams.remember_reset(number)

    def _on_trailers(self, flags: int, number: int, block: bytes) -> None:
        """A header block on a stream that is not new; decoded even if ignored, so that the tables stay in step."""
        fields = self._decode_trailers(block)
        if self._streams.effect(HEADERS, number) == GOES_ON:
            if not flags & END_STREAM:
                raise self.errors.malformed("a second header section without END_STREAM", SEQUENCE)
            self.errors.check_trailers(fields)
            self._data.end(self._live[number])
        else:
            self._account.charge_useless()
