"""One connection of HTTP/2: what its transport tells it, when it has waited long enough, and how it ends.

Connects the frames of `Receiving` with a transport, and their requests with cycles. All frames that are put together
in one turn of the loop go out in one write. Deadlines are numbers that the context's sweeper looks at (rule H-17);
`_timers` has those of the connection, each stream has its own.
"""

import asyncio
from typing import TYPE_CHECKING, cast

from esg_core.asgi import Application
from esg_core.errors import RequestError
from esg_core.flow import WriteGate
from esg_core.forwarded import apply as apply_forwarded
from esg_http.cycle import Cycle
from esg_http.failures import withdraw
from esg_http.h2.codes import CANCEL, ENHANCE_YOUR_CALM, LAST_STREAM, NO_ERROR, PROTOCOL_ERROR, SETTINGS_TIMEOUT
from esg_http.h2.faults import ConnectionFault, StreamFault
from esg_http.h2.frames import goaway_frame, ping_frame
from esg_http.h2.head import RequestHead
from esg_http.h2.receiving import Receiving
from esg_http.h2.response_heads import ResponseHeads
from esg_http.h2.settings import H2Settings
from esg_http.h2.states import CLOSED
from esg_http.h2.stream import H2Stream
from esg_http.h2.streams import NEVER, Unsent, Upload
from esg_http.kernel import Delivery, delivery
from esg_http.peers import Peer
from esg_http.refusals import answer_unreadable, warn
from esg_http.scope import request_scope

if TYPE_CHECKING:
    from esg_core.context import Context

LINGER = 1.0
"""Seconds for which input is discarded after an error, so that the client can read why."""

LAST_CALL = 1.0
"""Seconds between the two GOAWAYs of a drain, if the client does not answer the PING between them (rule 2-5)."""

ROOM = 262144
"""Bytes that are written before all other connections have their turn."""

_LAST_CALL_PING = b"draining"

START, BLOCK, IDLE, DRAIN, WRITE, END = range(6)
"""What a connection waits for: preface and settings, the rest of a header block, the next request, the client's answer
to the first GOAWAY, a client that does not read, the client's end after ours."""


class H2Connection(Receiving[H2Stream], asyncio.Protocol):
    """One accepted connection; see `esg_core.contracts.Connection`."""

    __slots__ = (
        "_context",
        "_delivered",
        "_drains",
        "_is_lost",
        "_left",
        "_peer",
        "_served",
        "_settings",
        "_surplus",
        "_timers",
        "_will_flush",
        "body_limit",
        "check_at",
        "deadline",
        "gate",
        "heads",
        "loop",
        "time",
        "transport",
    )

    transport: asyncio.Transport
    _peer: Peer

    def __init__(self, context: "Context", settings: H2Settings) -> None:
        super().__init__(settings.limits)
        self._context = context
        self._settings = settings
        self.loop = context.loop
        self.time = context.loop.time
        self.gate = WriteGate(context.loop)
        self.heads = ResponseHeads(self.encoder, settings.http.prefix)
        self.body_limit = settings.http.body_limit
        self.deadline = NEVER
        self.check_at = 0
        self._timers: dict[int, float] = {}
        self._left: set[Cycle] = set()
        self._delivered = Delivery(0, 0)
        self._served = 0
        self._surplus = self._drains = self._is_lost = self._will_flush = False

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are none by inheritance
        context = self._context
        self._peer = Peer(context, self.transport, self._settings.http.root_path)
        self._timers[START] = self.deadline = self.time() + self._settings.preface_timeout
        context.connections.add(self)
        self._surplus = len(context.connections) > self._settings.http.concurrency
        context.sweeper.add(self)
        self.put(self._settings.preface)
        self.flush()

    def data_received(self, data: bytes) -> None:
        """As `asyncio.Protocol`."""
        self.receive(data, self.time())

    def eof_received(self) -> bool:
        """As `asyncio.Protocol`: whoever has sent whole requests may close its side and still read (rule H-9)."""
        for stream in [stream for stream in self.live.values() if stream.upload is not None]:
            stream.cut(CANCEL)
        self.ignores_new = True
        if not self.live or self._peer.is_tls:
            self._close()
        return not self._peer.is_tls

    def connection_lost(self, exc: Exception | None) -> None:
        """As `asyncio.Protocol`."""
        self.is_over = self._is_lost = True
        context = self._context
        context.connections.discard(self)
        context.sweeper.discard(self)
        self._leave_all()
        self.gate.open()
        if context.draining:
            context.left()

    def pause_writing(self) -> None:
        """As `asyncio.Protocol`."""
        self.set_stuck(True)
        self.gate.close()
        self._watch_writing(self.time())

    def resume_writing(self) -> None:
        """As `asyncio.Protocol`."""
        self.set_stuck(False)
        if not self.is_over:
            self._timers.pop(WRITE, None)
        self.gate.open()
        self._has_output()

    # Writing.

    def _has_output(self) -> None:
        if not self._will_flush:
            self._will_flush = True
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what has been framed, and as much of what waits as there is room for."""
        self._will_flush = True  # so that what is framed here is not flushed once more
        more = not self._is_stuck and not self._is_lost and self.fill(ROOM)
        out = self.out
        if out and not self._is_lost:
            data = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            self.out_size = 0
            self.transport.write(data)
        self._will_flush = False
        if more and not self._is_stuck:
            self._has_output()

    def _has_unsent(self, unsent: Unsent) -> None:
        unsent.deadline = self.time() + self._settings.http.write
        self.deadline = min(self.deadline, unsent.deadline)

    # Requests.

    def _make_stream(self, number: int, window: int) -> H2Stream:
        return H2Stream(self, number, window)

    def _begin(self, stream: H2Stream, head: RequestHead) -> None:
        context = self._context
        http = self._settings.http
        scope = request_scope(self._peer, head.method, head.target, head.headers)
        scope["http_version"] = "2"
        scope["state"] = context.state.copy()
        cycle = stream.cycle = Cycle(context, stream, scope, head.target)
        app = self._adapt(stream, cycle, head) if head.is_special else context.app
        if stream.upload is None:
            cycle.body_complete = True
        else:
            cycle.expects_continue = head.expects_continue
            self._watch_upload(stream.upload, self._now)
        self._served += 1
        if self._served >= http.keepalive_requests:
            self._last_call()
        if http.entrance is None:
            context.start(cycle, app)
        else:
            http.entrance.enter(cycle, app, self._surplus)

    def _adapt(self, stream: H2Stream, cycle: Cycle, head: RequestHead) -> Application:
        """What few requests need; returns what is called for this one."""
        if head.wants_trailers:
            stream.wants_trailers = True
            cycle.scope["extensions"]["http.response.trailers"] = {}
        if head.is_forwarded and self._peer.trust is not None:
            apply_forwarded(cycle.scope, self._peer.trust)
        return self._context.app

    def _decline(self, stream: H2Stream, error: RequestError) -> None:
        self.warn(error)
        answer_unreadable(self._context, stream, self._peer, error)

    def warn(self, error: RequestError) -> None:
        """Say in the log why a request is refused."""
        warn(self._context, self._peer, error)

    def leave(self, cycle: Cycle) -> None:
        """A cycle has lost its stream before its end; it takes a place here until its call has returned."""
        if cycle in self._context.cycles and not withdraw(self._context, cycle):
            self._left.add(cycle)
            self.leftovers = len(self._left)

    def _count_leftovers(self) -> None:
        self._left &= self._context.cycles
        self.leftovers = len(self._left)

    @property
    def streams(self) -> int:
        """How many streams are open, for the statistics."""
        return len(self.live)

    # Deadlines.

    def _watch(self, timer: int, due: float) -> None:
        self._timers[timer] = due
        if due < self.deadline:
            self.deadline = due
            self._context.sweeper.hasten(self)

    def _watch_upload(self, upload: Upload, now: float) -> None:
        upload.deadline = now + self._settings.http.request
        self.deadline = min(self.deadline, upload.deadline)

    def _watch_writing(self, now: float) -> None:
        self._delivered = delivery(self.transport)
        self._watch(WRITE, now + self._settings.http.write)

    def _has_begun_block(self) -> None:
        self._watch(BLOCK, self._now + self._settings.http.request_headers)

    def _has_no_streams(self) -> None:
        if self.is_over:
            return
        if self.ignores_new:
            self._close()
        else:
            due = self._timers[IDLE] = self.time() + self._settings.http.keep_alive
            self.deadline = min(self.deadline, due)

    def expire(self, now: float) -> None:
        """As `Connection.expire`."""
        for timer, due in list(self._timers.items()):
            if due <= now:
                del self._timers[timer]
                self._expire_timer(timer, now)
        if not self.is_over:
            for stream in list(self.live.values()):
                self._expire_stream(stream, now)
        self.deadline = self._next_deadline()

    def _expire_timer(self, timer: int, now: float) -> None:
        if timer == START:
            self._expire_start()
        elif timer == BLOCK:
            self._expire_block()
        elif timer == IDLE:
            self._expire_idle()
        elif timer == DRAIN:
            self._last_call()
        elif timer == WRITE:
            self._expire_writing(now)
        else:
            self._expire_end()

    def _next_deadline(self) -> float:
        due = [*self._timers.values()]
        for stream in self.live.values():
            if stream.upload is not None:
                due.append(stream.upload.deadline)
            if stream.unsent is not None:
                due.append(stream.unsent.deadline)
        return min(due, default=NEVER)

    def _expire_stream(self, stream: H2Stream, now: float) -> None:
        upload, unsent = stream.upload, stream.unsent
        if unsent is not None and unsent.deadline <= now:
            if not unsent.has_moved:
                self._context.logger.warning("%s does not read a response: reset (timeout-write)", self._peer)
                stream.cut(CANCEL)
                return
            unsent.has_moved = False
            unsent.deadline = now + self._settings.http.write
        if upload is not None and upload.deadline <= now:
            if stream.cycle is not None and stream.cycle.buffered:  # the application is slow, not the client
                self._watch_upload(upload, now)
            else:
                late = "the body of the request did not come in time"
                stream.refuse(RequestError(408, late, "RFC 9110 section 15.5.9"))

    def _has_started(self) -> None:
        self._watch(START, self._now + self._settings.settings_timeout)
        self._watch(IDLE, self._now + self._settings.http.request_headers)

    def _expire_start(self) -> None:
        if not self.has_begun:
            self._fail(ConnectionFault(PROTOCOL_ERROR, "no preface came in time", "RFC 9113 section 3.4"))
        elif not self.is_settled:
            self._fail(ConnectionFault(SETTINGS_TIMEOUT, "no ack of the settings in time", "RFC 9113 section 6.5.3"))

    def _expire_block(self) -> None:
        if self._block is not None:
            self._fail(ConnectionFault(ENHANCE_YOUR_CALM, "a header block did not end in time", "RFC 9113 section 4.3"))

    def _expire_idle(self) -> None:
        """Nothing has been asked for a while (rule 2-5)."""
        if not self.live and not self.is_over:
            self.put(goaway_frame(self.last, NO_ERROR))
            self._close()

    def _expire_writing(self, now: float) -> None:
        """The client has read too little for a while; abort if it has read nothing at all (timeout-write)."""
        before = self._delivered
        self._watch_writing(now)
        unsent, acknowledged = self._delivered
        if unsent < before.unsent or acknowledged > before.acknowledged:
            return
        if unsent:
            self._context.logger.warning("%s does not read its responses: aborted (timeout-write)", self._peer)
        self.transport.abort()

    def _expire_end(self) -> None:
        if self.transport.is_closing():
            self.transport.abort()
        else:
            self._close()

    # Ends.

    def drain(self) -> None:
        """As `Connection.drain`: announce the end, and accept for one more round trip what is on its way."""
        if self._drains or self.is_over:
            return
        self._drains = True
        self.put(goaway_frame(LAST_STREAM, NO_ERROR) + ping_frame(_LAST_CALL_PING))
        self._watch(DRAIN, self.time() + LAST_CALL)

    def _has_pong(self, payload: bytes) -> None:
        if payload == _LAST_CALL_PING and self._drains:
            self._last_call()

    def _last_call(self) -> None:
        """Tell which stream was the last one; the connection ends with the streams that there are."""
        if self.ignores_new:
            return
        self.ignores_new = True
        self.put(goaway_frame(self.last, NO_ERROR))
        if not self.live:
            self._close()

    def abort(self) -> None:
        """As `Connection.abort`."""
        self.is_over = True
        self.transport.abort()

    def _has_fault(self, fault: StreamFault | ConnectionFault) -> None:
        self._context.logger.warning("refused what %s sent: %s (%s)", self._peer, fault, fault.section)

    def _has_failed(self) -> None:
        """Let the client read why, before the connection is closed."""
        self._leave_all()
        self.flush()
        if self._is_lost or self.transport.is_closing():
            return
        self._watch_writing(self.time())
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._watch(END, self.time() + LINGER)
        else:
            self._close()

    def _close(self) -> None:
        """Close once what is written has been sent, for which timeout-write holds."""
        self.is_over = True
        self.flush()
        if not self._is_lost and not self.transport.is_closing():
            self.transport.close()
            self._watch_writing(self.time())
            if self._peer.is_tls:
                self._watch(END, self.time() + LINGER)

    def _leave_all(self) -> None:
        """All streams end with the connection."""
        for stream in list(self.live.values()):
            self._close_stream(stream, CLOSED)
            stream.on_reset()


__all__ = ["H2Connection"]
