"""Reads the requests of one HTTP/1.1 connection: heads, bodies, and bytes that come too early.

Knows request bytes (through `grammar`, `head_intake` and `body`) and starts a `Cycle` for each request; closing and
deadlines are left to its subclass, `H1Connection`. One request is read at a time: bytes behind it are held back and
reading is paused until its response is complete, so that the cost of a connection is bounded (rules H-6, H-20).
"""

import asyncio
from abc import abstractmethod
from math import inf
from typing import TYPE_CHECKING, Any

from esg_core.asgi import Application, Headers
from esg_core.errors import RequestError
from esg_core.proxy.headers import apply as apply_forwarded
from esg_http.call.cycle import Cycle
from esg_http.call.peer import Peer, request_scope
from esg_http.call.refusals import too_large
from esg_http.call.target import read_target
from esg_http.h1.body import ChunkedBody, LengthBody
from esg_http.h1.head_intake import HeadReader
from esg_http.h1.output import H1Output
from esg_http.h1.request_fields import LONGEST_REMEMBERED, RequestFields, RequestStart, read_start
from esg_http.h1.settings import REMEMBERED_BLOCK, H1Settings
from esg_http.h1.states import BODY, HEAD, HOLD, IDLE, NEXT, SKIP, Reading
from esg_http.message.grammar import CHUNKED, REST, split_target
from esg_http.settings import LOOK

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_http.h2.settings import H2Settings

HIGH_WATER = 65536
"""Bytes of a body to buffer for the application before reading is paused (rule H-7)."""

BEFORE_VERSION = b" HTTP/"
SIZE_BEFORE_VERSION = len(BEFORE_VERSION)

LONGEST_KNOWN = LONGEST_REMEMBERED + SIZE_BEFORE_VERSION + REMEMBERED_BLOCK
"""The longest head, in bytes, that may be remembered."""

LOOKED_THROUGH = LONGEST_KNOWN + 1
"""Enough bytes to tell whether a head is known, and whether anything follows it, without copying a long body."""


class H1Input(H1Output, asyncio.Protocol):
    """The reading half of a connection; see `esg_core.contracts.Stream`, and see `esg_core.contracts.Connection`."""

    __slots__ = (
        "_begun_at",
        "_call_limit",
        "_cycle",
        "_eof",
        "_fields",
        "_head_took",
        "_held",
        "_intake",
        "_paused",
        "_peer",
        "_read_deadline",
        "_reading",
        "_received",
        "_sent_before",
        "_served",
        "_settings",
        "_time_left",
        "_write_deadline",
        "deadline",
    )

    _call_limit: float
    _peer: Peer

    def __init__(self, context: "Context", settings: H1Settings) -> None:
        super().__init__(context, settings.prefix)
        self._settings = settings
        self._reading: Reading = IDLE
        self._cycle: Cycle | None = None
        self._intake: HeadReader | None = None
        self._fields: RequestFields | None = None
        self._held = b""
        self._served = 0
        self._sent_before = -1
        self._paused = False
        self._eof = False
        self._head_took = 0.0
        self._read_deadline = self._write_deadline = self.deadline = inf

    def _await(self, deadline: float) -> None:
        """Set the time by which what is being read must be complete."""
        self._read_deadline = deadline
        self.deadline = min(deadline, self._write_deadline)

    # Heads.

    def _read_head(self, data: bytes) -> None:
        if self._intake is not None:
            self._take_in(self._intake, data)
            return
        looked_through = data if len(data) <= LOOKED_THROUGH else data[:LOOKED_THROUGH]
        line, _, rest = looked_through.partition(BEFORE_VERSION)
        start = self._settings.starts.get(line)
        fields = self._fields
        if start is not None and fields is not None and rest == fields.block:
            self._begin(start, fields, b"")
            return
        if start is None:
            line = data.partition(BEFORE_VERSION)[0]
            start = self._read_start(line) if len(line) < len(data) else None
            if start is None:
                self._read_slowly(data)
                return
        at = len(line) + SIZE_BEFORE_VERSION
        if fields is None or not rest.startswith(fields.block):
            fields = self._read_fields(data, at)
            if fields is None:
                self._read_slowly(data)
                return
        end = at + len(fields.block)
        self._begin(start, fields, data[end:] if len(data) > end else b"")

    def _read_start(self, line: bytes) -> RequestStart | None:
        """Read a start that is not remembered; None if it is malformed."""
        start = read_start(line)
        if start is not None:
            if self._context.tally is not None:
                start.row = self._context.tally.rows["1.1"][start.method]
            self._settings.head_limits.check(len(line) + len(b" HTTP/1.1"), 0)
            if len(line) <= LONGEST_REMEMBERED:
                self._settings.remember(line, start)
        return start

    def _read_fields(self, data: bytes, at: int) -> RequestFields | None:
        """Read a block of fields that differs from the last one; None if it is incomplete or malformed."""
        match = REST.match(data, at)
        if match is None:
            return None
        fields = self._fields = self._settings.blocks.get(match[0])
        if fields is not None:
            return fields
        limits = self._settings.head_limits
        if match.end() > limits.field_bytes:  # the line was checked with the start
            limits.check(0, match.end() - match.start(2) - 2)
        headers = self._settings.parse_fields(match[2])
        if len(headers) > limits.fields:
            raise RequestError(431, "too many header fields", "RFC 6585 section 5")
        fields = RequestFields(match[0], match[1] == b"1.0", headers)
        if fields.length > self._settings.body_limit:
            raise too_large()
        self._fields = self._settings.remember_fields(fields)
        return fields

    def _read_slowly(self, data: bytes) -> None:
        """Read an incomplete or malformed head line by line, within its time-out."""
        self._intake = intake = HeadReader(self._settings.head_limits)
        self._begun_at = self._time()
        if self._served:
            self._await(self._begun_at + self._settings.request_headers)
        self._take_in(intake, data)

    def _take_in(self, intake: HeadReader, data: bytes) -> None:
        may_be_h2 = not self._served and not self._peer.is_tls and intake.is_preface(data)
        if may_be_h2 and self._settings.h2 is not None:
            self._hand_over(self._settings.h2, intake.taken + data)
            return
        whole = intake.feed(data)
        if whole is not None:
            self._intake = None
            self._head_took = self._time() - self._begun_at
            self._read_head(whole)
            self._head_took = 0.0
        elif intake.started:
            self._reading = HEAD

    def _begin(self, start: RequestStart, fields: RequestFields, rest: bytes) -> None:
        """Start the cycle of a request whose head is complete."""
        method = start.method
        target = start.target
        parts = start.parts
        headers = fields.headers
        if parts is None:
            authority, target = split_target(method, target)
            parts = read_target(target)
            if authority is not None:
                headers = fields.with_host(authority)
        context = self._context
        settings = self._settings
        served = self._served = self._served + 1
        if fields.closes or served >= settings.keepalive_requests:
            self._keep_alive = False
        self.is_head = method == "HEAD"
        self._asked = fields
        scope = request_scope(self._peer, method, parts, headers)
        scope["state"] = context.state.copy()
        cycle = self._cycle = Cycle(context, self, scope, target, start.row)
        app = self._adapt(cycle, fields) if fields.is_special else context.app
        length = fields.length
        if not length or 0 < length <= len(rest):  # the whole body is here, or there is none
            cycle.body_complete = True
            self._reading = HOLD
            self._read_deadline = inf
            self.deadline = self._write_deadline
            if rest:
                self._take_body(cycle, rest, length)
        else:
            cycle.expects_continue = fields.expects_continue
            self._may_not_come = fields.expects_continue and not rest
            self._open_body(length)
            self._read_body(rest)
        entrance = settings.entrance
        if entrance is None:
            context.start(cycle, app)
        elif entrance.enter(cycle, app, self._call_limit) and self._reading is HOLD and len(self._held) <= HIGH_WATER:
            self._resume()  # to notice the end of the connection while the request waits (rule A-6)

    def _adapt(self, cycle: Cycle, fields: RequestFields) -> Application:
        """Set what few requests need; returns the application, or the one that serves an upgrade (rule H-13)."""
        scope = cycle.scope
        extensions: dict[str, Any] = scope["extensions"]
        if fields.old:
            cycle.count_as("1.0")
            del extensions["http.response.early_hint"]
        if fields.wants_trailers:
            extensions["http.response.trailers"] = {}
        if fields.is_forwarded and self._peer.trust is not None:
            apply_forwarded(scope, self._peer.trust)
        for protocol, upgrade in self._context.upgrades.items():
            if protocol in fields.upgrades:
                extensions["esg.switch"] = cycle.switch
                return upgrade
        return self._context.app

    # Bodies.

    def _take_body(self, cycle: Cycle, data: bytes, length: int) -> None:
        """Feed a body that came with its head; what follows belongs to the next request."""
        if length:
            cycle.feed(data[:length] if len(data) > length else data)
        if len(data) > length:
            self._hold(data[length:])

    def _open_body(self, length: int) -> None:
        if length == CHUNKED:
            self._body = ChunkedBody(self._settings.head_limits.field_bytes, self._context.budget)
        else:
            self._body = LengthBody(length)
        self._received = 0
        self._reading = BODY
        self._await(self._time() + self._settings.request - self._head_took)

    def _read_body(self, data: bytes) -> None:
        assert self._body is not None
        assert self._cycle is not None
        cycle = self._cycle
        content, rest = self._body.feed(data)
        if content:
            self._received += len(content)
            if self._received > self._settings.body_limit:
                raise too_large()
            cycle.feed(content)
        if rest is not None:
            self._end_body(HOLD)
            cycle.feed_end()
            if rest:
                self._hold(rest)
        elif self._body.is_behind:
            self._pause()
            self._context.budget.wait(self._go_on)
        elif cycle.buffered > HIGH_WATER:
            self._pause()

    def _skip_body(self, data: bytes) -> None:
        assert self._body is not None
        _, rest = self._body.feed(data)
        if rest is not None:
            self._end_body(NEXT)
            self._held = rest
            self._next_soon()

    def _end_body(self, reading: Reading) -> None:
        self._body = None
        self._await(inf)
        self._reading = reading

    def _go_on(self) -> None:
        """Read the rest of what came, now that other connections have had their turn (rule H-22)."""
        if self._reading is not BODY:
            return
        self._resume()
        self.data_received(b"")
        if self._eof and not self._is_behind:
            self.eof_received()

    @property
    def _is_behind(self) -> bool:
        return self._reading is BODY and self._body is not None and self._body.is_behind

    def consumed(self, size: int) -> None:
        if self._paused and self._reading is BODY and not self._is_behind:
            self._resume()

    # What comes too early.

    def _hold(self, data: bytes) -> None:
        """Keep bytes of the next request until this one is answered, and read no more of it (rule H-6)."""
        self._held += data
        if self._cycle is None or not self._cycle.is_waiting or len(self._held) > HIGH_WATER:
            self._pause()

    def _next_soon(self) -> None:
        self._context.loop.call_soon(self._next)

    def _next(self) -> None:
        """Go on with the next request: first with what was held back."""
        if self._reading is not NEXT or self.gate.closed:
            return
        data, self._held = self._held, b""
        self._reading = IDLE
        self._resume()
        self._await(self._time() + self._settings.keep_alive)
        if data:
            self.data_received(data)
        if self._eof:
            self.eof_received()
        elif self._context.draining:
            self.drain()

    def data_received(self, data: bytes) -> None:
        try:
            if self._reading is IDLE:
                self._read_head(data)
            elif self._reading is BODY:
                self._read_body(data)
            elif self._reading is HEAD:
                self._read_head(data)
            elif self._reading is SKIP:
                self._skip_body(data)
            elif self._reading is HOLD or self._reading is NEXT:
                self._hold(data)
        except RequestError as error:
            self._refuse(error)

    @abstractmethod
    def eof_received(self) -> bool: ...

    @abstractmethod
    def _hand_over(self, settings: "H2Settings", data: bytes) -> None:
        """Continue as HTTP/2."""

    @abstractmethod
    def _refuse(self, error: RequestError) -> None:
        """Answer a request that breaks HTTP, and close."""

    @abstractmethod
    def switch(self, protocol: asyncio.Protocol, headers: Headers) -> int: ...

    @abstractmethod
    def finished(self) -> None: ...

    @abstractmethod
    def give_up(self) -> None: ...

    @abstractmethod
    def drop(self) -> None: ...

    @abstractmethod
    def drain(self) -> None: ...

    @abstractmethod
    def _hasten(self) -> None:
        """Make the sweeper look at a deadline that is closer than the shortest time-out."""

    @abstractmethod
    def _close(self) -> None:
        """Close once everything written has been sent."""

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            now = self._time()
            self._time_left = self._read_deadline - now
            if self._reading is HOLD or self._reading is NEXT:
                self._look_soon(-1)
            else:
                self._await(inf)
            self.transport.pause_reading()

    def _look_soon(self, sent: int) -> None:
        """Look soon whether the client is still there; `sent` is how much of its response has been sent so far."""
        self._sent_before = sent
        self._await(self._time() + LOOK)
        self._hasten()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._await(self._time() + self._time_left)
            if self._time_left < self._settings.shortest_timeout:
                self._hasten()
            self.transport.resume_reading()
