"""The frames that begin requests, or end them with trailers: HEADERS and CONTINUATION (RFC 9113 sections 6 and 8).

Sans-I/O. A header block is decoded as a whole, once its last frame has come; its meaning is remembered, because clients
send few different ones.
"""

from typing import Generic

from esg_core.asgi import Headers
from esg_core.errors import RequestError
from esg_http.coding.faults import ConnectionFault, StreamFault, TooManyFields
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
from esg_http.h2.engine.malformed import fault_of, malformed
from esg_http.h2.engine.sending import Sending
from esg_http.h2.engine.states import GOES_ON
from esg_http.h2.engine.streams import S, StreamTable
from esg_http.h2.engine.windows import StreamWindow
from esg_http.multiplexed.account import SMALL_DATA, Account
from esg_http.multiplexed.base_stream import Upload
from esg_http.multiplexed.costs import BYTES_A_UNIT, FIELD, OVERSIZED_BLOCK, REQUEST
from esg_http.multiplexed.field_count import MOST_CRUMBS, PSEUDO_FIELDS, check_count
from esg_http.multiplexed.limits import Limits
from esg_http.multiplexed.request_head import SEQUENCE, UNKNOWN_LENGTH, Malformed, RequestHead, check_trailers
from esg_http.multiplexed.states import HALF_CLOSED_THEIRS

CONTINUATIONS = 16
"""Frames that a header block may have after its first: 64 KiB need three."""

REMEMBERED_HEADS = 64
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


class RequestFrames(Generic[S]):
    """Reads the header sections of requests.

    `block` is the header block that has begun. `leftovers` counts the calls that still run for closed streams: each
    takes the place of a stream. With `ignores_new`, the client may open no more streams.
    """

    __slots__ = (
        "_account",
        "_changes",
        "_data",
        "_heads",
        "_limits",
        "_link",
        "_live",
        "_sending",
        "_streams",
        "block",
        "decoder",
        "ignores_new",
        "leftovers",
    )

    def __init__(
        self,
        streams: StreamTable[S],
        sending: Sending[S],
        data: DataFrames[S],
        account: Account,
        limits: Limits,
        link: EngineLink[S],
    ) -> None:
        self._link = link
        self._streams = streams
        self._live = streams.live
        self._sending = sending
        self._data = data
        self._account = account
        self._limits = limits
        self.decoder = HeaderDecoder(limits.fields + len(PSEUDO_FIELDS) + MOST_CRUMBS, limits.field_bytes)
        self._heads: dict[bytes, RequestHead] = {}
        self._changes = 0
        self.block: HeaderBlock | None = None
        self.ignores_new = False
        self.leftovers = 0

    def unlink(self) -> None:
        """Let go of the connection, which has ended."""
        del self._link

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
            raise malformed("no body despite its content-length")
        stream = self._link.make_stream(number, self._sending.stream_window)
        if flags & END_STREAM:
            stream.state = HALF_CLOSED_THEIRS
        else:
            stream.upload = Upload(StreamWindow(self._data.window, self._limits.stream_window), length)
        self._live[number] = stream
        return stream

    def _read_head(self, block: bytes) -> RequestHead:
        """What a block means; remembered until the compression table changes, unless this block changes it."""
        before = self.decoder.changes
        fields = self._decode(block)
        try:
            head = RequestHead(fields)
        except Malformed as error:
            raise fault_of(error) from None
        head.check_line(self._limits.request_line)
        if len(block) <= REMEMBERED_BLOCK and self.decoder.changes == before:
            if len(self._heads) >= REMEMBERED_HEADS:
                self._heads.clear()
            self._heads[block] = head
        return head

    def _decode(self, block: bytes) -> Headers:
        try:
            fields = self.decoder.decode(block)
            check_count(fields, self._limits.fields)
        except TooManyFields:
            self._account.charge_oversized()
            self._account.room -= OVERSIZED_BLOCK
            raise
        finally:
            if self._changes != self.decoder.changes:
                self._changes = self.decoder.changes
                self._heads.clear()
        self._account.room -= len(fields) * FIELD + len(block) // BYTES_A_UNIT
        return fields

    def _has_room(self) -> bool:
        """Check again whether another stream may be opened."""
        self._link.count_leftovers()
        return len(self._live) + self.leftovers < self._limits.streams

    def _refuse(self, number: int) -> None:
        """Refuse one stream too many: the client may ask again (RFC 9113 section 5.1.2)."""
        self._account.charge_cancelled()
        self._sending.put(reset_frame(number, REFUSED_STREAM))
        self._streams.remember_reset(number)

    def _on_trailers(self, flags: int, number: int, block: bytes) -> None:
        """A header block on a stream that is not new; decoded even if ignored, so that the tables stay in step."""
        try:
            fields = self._decode(block)
        except TooManyFields as error:
            raise StreamFault(ENHANCE_YOUR_CALM, str(error), error.section) from None
        if self._streams.effect(HEADERS, number) == GOES_ON:
            if not flags & END_STREAM:
                raise malformed("a second header section without END_STREAM", SEQUENCE)
            try:
                check_trailers(fields)
            except Malformed as error:
                raise fault_of(error) from None
            self._data.end_content(self._live[number])
        else:
            self._account.charge_useless()
