"""One HTTP/3 connection: the events of its QUIC transport, what it waits for, and how it ends.

The streams' own deadlines and their requests are as in every version. Knows QUIC only through `esg_http.h3.quic`.
"""

from typing import TYPE_CHECKING, Self

from esg_http.call.peer import Peer
from esg_http.call.tls_extension import quic_tls_extension
from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h3.coding.codes import (
    H3_INTERNAL_ERROR,
    H3_MISSING_SETTINGS,
    H3_NO_ERROR,
    H3_REQUEST_CANCELLED,
    H3_REQUEST_INCOMPLETE,
    LAST_REQUEST,
)
from esg_http.h3.coding.frames import goaway_frame
from esg_http.h3.engine.engine import Engine
from esg_http.h3.engine.receiving import BYTES, RESET, STOPPED, Event
from esg_http.h3.engine.requests import RequestStreams
from esg_http.h3.engine.sending import Sending
from esg_http.h3.engine.streams import StreamTable
from esg_http.h3.quic import QuicTransport
from esg_http.h3.settings import H3Settings
from esg_http.multiplexed.contracts import StreamCodes
from esg_http.multiplexed.deadlines import StreamDeadlines
from esg_http.multiplexed.request_head import RequestHead
from esg_http.multiplexed.stream import RequestStream

if TYPE_CHECKING:
    from esg_core.context import Context

LAST_CALL = 1.0
"""Seconds between the two GOAWAYs of a drain if the client does not acknowledge the first (rule Q-7)."""

LINGER = 1.0
"""Seconds that a client may take to acknowledge the last bytes before its connection is closed."""

START, HEAD, IDLE, DRAIN, END = range(5)
"""What a connection waits for: the client's settings, the heads of its streams, the next request, the acknowledgement
of the first GOAWAY, that of everything."""


class H3Connection(StreamDeadlines):
    """One QUIC connection with HTTP/3; see `esg_core.contracts.Connection`, and see `esg_http.h3.quic.QuicUser`.

    For its engine, see `esg_http.h3.engine.link.EngineLink`.
    """

    __slots__ = (
        "_control",
        "_drains",
        "_endings",
        "_engine",
        "_has_ended",
        "_peername",
        "_receiving",
        "_settings",
        "_will_fill",
    )

    protocol_name = "HTTP/3"
    http_version = "3"
    codes = StreamCodes(H3_NO_ERROR, H3_INTERNAL_ERROR, H3_REQUEST_CANCELLED)
    connect_section = "RFC 9220 section 3"
    transport: QuicTransport
    sending: Sending[RequestStream]
    _requests: RequestStreams[RequestStream]
    _streams: StreamTable[RequestStream]

    def __init__(self, context: "Context", settings: H3Settings) -> None:
        engine: Engine[RequestStream] = Engine(settings.limits, context.budget, self)
        super().__init__(context, settings.http, engine)
        self._settings = settings
        self._engine = engine
        self._control = engine.control
        self._endings = engine.endings
        self._receiving = engine.receiving
        self._drains = self._has_ended = self._will_fill = False

    @property
    def connection(self) -> Self:
        return self

    # Called by the transport.

    def connected(self, transport: QuicTransport) -> None:
        """See `QuicUser.connected`."""
        context, now = self._context, self.time()
        self.transport = transport
        self._peer = self._make_peer()
        self._watch(START, now + self._settings.settings_timeout)
        self._watch(IDLE, now + self._http.request_headers)
        context.join(self)
        if context.tally is not None:
            context.tally.has_accepted(self.http_version)
        entrance = self._http.entrance
        if entrance is not None:
            self._call_limit = entrance.call_limit()
        self.sending.connect(transport, self._settings.announced())
        if context.draining:
            self.drain()

    def _make_peer(self) -> Peer:
        self._peername = self.transport.get_extra_info("peername")
        tls = quic_tls_extension(self.transport.get_extra_info("cipher"))
        return Peer(self._context, self.transport, self._http.root_path, self._http.extensions, tls)

    def stream_data(self, stream: int, data: bytes, end: bool) -> None:
        """See `QuicUser.stream_data`."""
        self._receive(Event(BYTES, stream, data, end))

    def stream_reset(self, stream: int, code: int) -> None:
        """See `QuicUser.stream_reset`."""
        self._receive(Event(RESET, stream))

    def stream_stopped(self, stream: int, code: int) -> None:
        """See `QuicUser.stream_stopped`."""
        self._receive(Event(STOPPED, stream))

    def _receive(self, event: Event) -> None:
        self._receiving.receive(event, self.time())
        if self._receiving.is_behind:
            self._context.budget.wait(self._go_on)

    def _go_on(self) -> None:
        """Continue with what came before: it is this connection's turn (rule H-22)."""
        if self._endings.is_over:
            return
        self._receiving.go_on(self.time())
        if self._receiving.is_behind:
            self._context.budget.wait(self._go_on)
        else:
            self._catch_up()

    def progressed(self) -> None:
        """See `QuicUser.progressed`."""
        if self._endings.is_over:
            self._end_if_delivered()
            return
        self.sending.progressed()
        if self._drains and not self._requests.ignores_new and self.transport.is_delivered():
            self._last_call()

    def lost(self, exc: Exception | None) -> None:
        """See `QuicUser.lost`."""
        self._endings.is_over = self._has_ended = True
        self._context.leave(self)
        self._context.budget.leave(self._go_on)
        self._leave_all()
        self._engine.unlink()
        self.gate.open()

    # Called by the engine.

    def begin(self, stream: RequestStream, head: RequestHead) -> None:
        """Serve a request, for the address that its client has now: it may have moved (RFC 9000 section 9)."""
        if self.transport.get_extra_info("peername") != self._peername:
            self._peer = self._make_peer()
        super().begin(stream, head)

    def has_begun_head(self) -> float:
        due = self._account.now + self._http.request_headers
        self._watch(HEAD, min(due, self._timers.get(HEAD, due)))
        return due

    def has_no_streams(self) -> None:
        if self._endings.is_over or self._requests.headless:
            return
        if self._requests.ignores_new:
            self._close()
        else:
            due = self._timers[IDLE] = self.time() + self._http.keep_alive
            self.deadline = min(self.deadline, due)

    def has_failed(self, fault: ConnectionFault) -> None:
        self._leave_all()
        self._end(fault.code, str(fault))

    # Writing.

    def has_output(self) -> None:
        if not self._will_fill:
            self._will_fill = True
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Queue what there is room for in the transport."""
        self._will_fill = False
        if not self._endings.is_over:
            self.sending.fill()

    # What it waits for.

    @property
    def _is_behind(self) -> bool:
        return self._receiving.is_behind

    @property
    def _is_over(self) -> bool:
        return self._endings.is_over

    def _is_held_up(self, stream: RequestStream) -> bool:
        return self.sending.is_blocked(stream)

    def _expire_timer(self, timer: int, now: float) -> None:
        if timer == START:
            self._expire_start()
        elif timer == HEAD:
            self._expire_heads(now)
        elif timer == IDLE:
            self._expire_idle()
        elif timer == DRAIN:
            self._last_call()
        else:
            self._end(H3_NO_ERROR, "")

    def _expire_start(self) -> None:
        if self._control.settings is None and not self._endings.is_over:
            self._endings.end_connection(
                ConnectionFault(H3_MISSING_SETTINGS, "the settings did not arrive in time", "RFC 9114 section 6.2.1")
            )

    def _expire_heads(self, now: float) -> None:
        """Reset the streams whose heads have not arrived in time."""
        if self._endings.is_over:
            return
        self._account.now = now
        late = StreamFault(H3_REQUEST_INCOMPLETE, "a request head did not arrive in time", "RFC 9114 section 4.1")
        try:
            for number in self._requests.late_heads(now):
                self._requests.end_stream(number, late)
        except ConnectionFault as fault:
            self._endings.end_connection(fault)
            return
        due = [due for _, due in self._requests.head_deadlines()]
        if due:
            self._watch(HEAD, min(due))

    def _expire_idle(self) -> None:
        """Close: nothing has been requested for a while (rule Q-7)."""
        if not (self._streams.live or self._requests.headless or self._endings.is_over):
            self.sending.put(goaway_frame(self._requests.refuse_new()))
            self._close()

    # Ends.

    def drain(self) -> None:
        """See `Connection.drain`; announces the end, and for one more round trip accepts what is on its way."""
        if self._drains or self._endings.is_over or (self._context.patient and not self._served):
            return
        self._drains = True
        self.sending.put(goaway_frame(LAST_REQUEST))
        self._watch(DRAIN, self.time() + LAST_CALL)

    def _last_call(self) -> None:
        if self._requests.ignores_new:
            return
        self.sending.put(goaway_frame(self._requests.refuse_new()))
        if not self._streams.live and not self._requests.headless:
            self._close()

    def abort(self) -> None:
        """See `Connection.abort`."""
        self._endings.is_over = self._has_ended = True
        self.transport.abort()

    def _close(self) -> None:
        """Close once the client has acknowledged everything: what has not arrived by then is lost."""
        self._endings.is_over = True
        self._watch(END, self.time() + LINGER)
        self._end_if_delivered()

    def _end_if_delivered(self) -> None:
        if not self._has_ended and self.transport.is_delivered():
            self._end(H3_NO_ERROR, "")

    def _end(self, code: int, reason: str) -> None:
        if not self._has_ended:
            self._has_ended = True
            self.transport.close(code, reason)
