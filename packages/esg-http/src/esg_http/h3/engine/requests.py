"""Reads request streams: heads, content, trailers, and their ends (RFC 9114 section 4.1).

Sans-I/O. A head is decoded once it is whole; its meaning is remembered, because clients send few different ones.
"""

from collections.abc import Iterator
from math import inf
from typing import Generic

from esg_core.asgi import Headers
from esg_core.errors import RequestError
from esg_http.coding.faults import ConnectionFault, StreamFault, TooManyFields
from esg_http.h3.coding.codes import (
    H3_EXCESSIVE_LOAD,
    H3_FRAME_ERROR,
    H3_FRAME_UNEXPECTED,
    H3_REQUEST_CANCELLED,
    H3_REQUEST_INCOMPLETE,
    H3_REQUEST_REJECTED,
)
from esg_http.h3.coding.frames import FrameTooLarge
from esg_http.h3.coding.qpack import decode
from esg_http.h3.engine.bodies import Bodies, BodyWindow
from esg_http.h3.engine.link import EngineLink
from esg_http.h3.engine.malformed import MALFORMED
from esg_http.h3.engine.request_input import RequestInput
from esg_http.h3.engine.sending import Sending
from esg_http.h3.engine.states import (
    AFTER_TRAILERS,
    ANYWHERE,
    BEFORE_HEAD,
    CONTENT,
    EFFECTS,
    HEAD,
    IN_BODY,
    TRAILERS,
    UNEXPECTED,
)
from esg_http.h3.engine.streams import StreamTable
from esg_http.multiplexed.account import SMALL_DATA, Account
from esg_http.multiplexed.base_stream import S, Upload
from esg_http.multiplexed.costs import FRAME, REQUEST
from esg_http.multiplexed.engine.requests import BaseRequests
from esg_http.multiplexed.limits import Limits
from esg_http.multiplexed.request_head import UNKNOWN_LENGTH, RequestHead
from esg_http.multiplexed.states import HALF_CLOSED_THEIRS

REMEMBERED_BLOCK = 512
"""Bytes; the meaning of a longer header section is not remembered. Without a dynamic table, a browser's has so many."""


class RequestStreams(BaseRequests[S], Generic[S]):
    """Reads the request streams of a connection.

    `headless` counts the streams that wait for their heads. With `ignores_new`, streams from `refused_from` on are
    refused.
    """

    __slots__ = ("_bodies", "_inputs", "_streams", "headless", "refused_from")

    errors = MALFORMED
    refused = H3_REQUEST_REJECTED
    excessive = H3_EXCESSIVE_LOAD
    remembered_block = REMEMBERED_BLOCK
    _link: EngineLink[S]
    _sending: Sending[S]

    def __init__(
        self,
        streams: StreamTable[S],
        sending: Sending[S],
        bodies: Bodies[S],
        account: Account,
        limits: Limits,
        link: EngineLink[S],
    ) -> None:
        super().__init__(streams.live, sending, account, limits, link)
        self._streams = streams
        self._inputs = streams.inputs
        self._bodies = bodies
        self.headless = 0
        self.refused_from: float = inf

    def refuse_new(self) -> int:
        """Refuse what the client opens from now on; returns the number of the first stream that is refused."""
        self.ignores_new = True
        self.refused_from = number = self._streams.numbers.last + 4
        return number

    # Bytes.

    def on_data(self, number: int, data: bytes, end: bool) -> bool:
        """The next bytes of a stream; returns whether there was no room for all of them in this turn."""
        request = self._inputs.get(number) or self._open(number)
        if request is None:  # what comes after a stream has been closed is of no use
            if data:
                self._sending.transport.consumed(number, len(data))
            return False
        request.has_ended = request.has_ended or end
        request.owed += len(data)
        request.reader.add(data)
        return self._read_on(request)

    def _open(self, number: int) -> RequestInput[S] | None:
        if not self._streams.numbers.take(number):
            return None
        priority = self._streams.early_priorities.pop(number, None)
        if number >= self.refused_from:
            self._account.charge_useless()
            self._give_up(number, self.refused)
            return None
        if self.headless >= self._limits.streams:
            self._refuse(number)
            return None
        self.headless += 1
        request = self._inputs[number] = RequestInput[S](number, self._limits.section_bytes, priority)
        return request

    def _read_on(self, request: RequestInput[S]) -> bool:
        """Read as many frames as there is room for."""
        account, number = self._account, request.number
        try:
            while account.room > 0:
                piece = self._next(request)
                if piece is None:
                    account.room -= 1
                    break
                self._handle(request, *piece)
                if number not in self._inputs:
                    return False
            else:
                if request.reader.held or request.has_ended:
                    return True
            if number not in self._inputs:
                return False
            if request.has_ended:
                self._end(request)
                return False
        except StreamFault as fault:
            self.end_stream(number, fault)
            return False
        if request.owed:
            self._sending.transport.consumed(number, request.owed)
            request.owed = 0
        if request.state == BEFORE_HEAD and request.deadline == inf:
            request.deadline = self._link.has_begun_head()
        return False

    def _next(self, request: RequestInput[S]) -> tuple[int, bytes, bool] | None:
        reader = request.reader
        try:
            return reader.next()
        except FrameTooLarge:
            self._account.charge_oversized()
            error = TooManyFields("the header fields are too large")
            reader.skip()
            if request.state != BEFORE_HEAD:
                raise self._too_large(error) from None
            self._begin(request, error)
            return reader.next() if request.number in self._inputs else None

    def _end(self, request: RequestInput[S]) -> None:
        """The client has ended its side (RFC 9114 sections 4.1 and 7.1)."""
        if request.reader.is_within:
            raise ConnectionFault(H3_FRAME_ERROR, "a stream ends within a frame", "RFC 9114 section 7.1")
        if request.stream is None:
            raise StreamFault(H3_REQUEST_INCOMPLETE, "a stream without a request", "RFC 9114 section 4.1")
        self._bodies.end(request.stream)
        self._inputs.pop(request.number, None)

    # Frames.

    def _handle(self, request: RequestInput[S], kind: int, payload: bytes, is_whole: bool) -> None:
        effect = EFFECTS.get(kind, ANYWHERE)[request.state]
        if effect == CONTENT:
            self._on_content(request, payload)
        elif effect == HEAD:
            self._on_head(request, payload)
        elif effect == TRAILERS:
            self._on_trailers(request, payload)
        elif effect == UNEXPECTED:
            raise ConnectionFault(
                H3_FRAME_UNEXPECTED, "a frame that the state of its stream does not allow", "RFC 9114 section 4.1"
            )
        else:
            self._account.room -= FRAME
            if is_whole or len(payload) < SMALL_DATA:
                self._account.charge_useless()

    def _on_content(self, request: RequestInput[S], payload: bytes) -> None:
        self._account.room -= FRAME
        if len(payload) < SMALL_DATA and not request.is_last:
            self._account.charge_small(payload)
        stream = request.stream
        if stream is not None and payload:
            request.owed -= len(payload)
            self._bodies.take(stream, payload)

    def _on_head(self, request: RequestInput[S], block: bytes) -> None:
        head: RequestHead | RequestError
        self._account.room -= REQUEST
        try:
            head = self._heads.get(block) or self._read_head(block)
        except RequestError as error:
            head = error
        self._begin(request, head)

    def _begin(self, request: RequestInput[S], head: RequestHead | RequestError) -> None:
        """Begin a new request, whose header section is complete."""
        request.state = IN_BODY
        number = request.number
        if len(self._live) + self.leftovers >= self._limits.streams and not self._has_room():
            self._refuse(number)
        elif isinstance(head, RequestError):
            self._link.decline(self._add_stream(request, UNKNOWN_LENGTH), head)
        else:
            stream = self._add_stream(request, head.length)
            stream.priority = request.priority or head.priority
            self._link.begin(stream, head)

    def _add_stream(self, request: RequestInput[S], length: int) -> S:
        is_complete = request.is_last
        if is_complete and length > 0:
            raise self.errors.malformed("no body despite its content-length")
        number = request.number
        stream = request.stream = self._link.make_stream(number, 0)
        self.headless -= 1
        if is_complete:
            stream.state = HALF_CLOSED_THEIRS
            del self._inputs[number]
        else:
            stream.upload = Upload(BodyWindow(self._sending, number), length)
        self._live[number] = stream
        return stream

    def _fields_of(self, block: bytes) -> Headers:
        return decode(block, self._limits.decoded_fields, self._limits.field_bytes)

    def _on_trailers(self, request: RequestInput[S], block: bytes) -> None:
        self._account.room -= FRAME
        self.errors.check_trailers(self._decode_trailers(block))
        request.state = AFTER_TRAILERS

    # The ends of streams.

    def on_reset(self, number: int) -> None:
        """The client has abandoned its request (RFC 9114 section 4.1.1)."""
        stream = self._live.get(number)
        if stream is None:
            self._drop(number)
        elif stream.upload is not None:
            self._cancel(stream)

    def on_stopped(self, number: int) -> None:
        """The client does not want the response (RFC 9114 section 4.1.1)."""
        stream = self._live.get(number)
        if stream is None:
            self._drop(number)
        else:
            self._cancel(stream)

    def _cancel(self, stream: S) -> None:
        self._account.charge_cancelled()
        self._sending.reset(stream, H3_REQUEST_CANCELLED)
        stream.on_reset()

    def _drop(self, number: int) -> None:
        """A stream ends before it has a request, if it has not ended before."""
        if number in self._inputs or self._streams.numbers.take(number):
            self._account.charge_cancelled()
            self._streams.early_priorities.pop(number, None)
            self._give_up(number, H3_REQUEST_CANCELLED)

    def _give_up(self, number: int, code: int) -> None:
        if self._inputs.pop(number, None) is not None:
            self.headless -= 1
        self._sending.transport.reset(number, code)
        self._sending.transport.stop(number, code)
        if not self._live:
            self._link.has_no_streams()

    def late_heads(self, now: float) -> list[int]:
        """The streams whose heads are overdue."""
        return [number for number, due in self.head_deadlines() if due <= now]

    def head_deadlines(self) -> Iterator[tuple[int, float]]:
        """The streams whose heads are still to come, and when they must be there."""
        return ((number, request.deadline) for number, request in self._inputs.items() if request.stream is None)
