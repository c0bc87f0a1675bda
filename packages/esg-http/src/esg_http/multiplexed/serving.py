"""Serves the requests of one connection of HTTP/2 or HTTP/3: each gets its stream and its cycle.

Connects the engine with cycles; knows nothing of transports or time-outs. A call of the application that outlives its
stream, because the client has cancelled it, takes the place of a stream until it returns (rule 2-3).
"""

from abc import abstractmethod
from typing import TYPE_CHECKING

from esg_core.asgi import Application
from esg_core.contracts import Connection
from esg_core.errors import RequestError
from esg_core.proxy.headers import apply as apply_forwarded
from esg_core.waiting import WriteGate
from esg_http.call.contracts import Call
from esg_http.call.cycle import Cycle
from esg_http.call.failures import withdraw
from esg_http.call.peer import FactsOfTransport, Peer, request_scope
from esg_http.call.refusals import answer_unreadable, too_large, warn
from esg_http.call.target import known_target
from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.multiplexed.base_stream import Upload
from esg_http.multiplexed.contracts import StreamCodes
from esg_http.multiplexed.engine.engine import BaseEngine
from esg_http.multiplexed.request_head import RequestHead
from esg_http.multiplexed.response_heads import ResponseHeads
from esg_http.multiplexed.states import CLOSED
from esg_http.multiplexed.stream import RequestStream
from esg_http.settings import HTTPSettings

if TYPE_CHECKING:
    from esg_core.context import Context


class Serving:
    """A connection that calls the application; what its streams need of it is public.

    `http_version` is that of the scope, `codes` are what streams end early with, and `connect_section` defines extended
    CONNECT. What it does for its engine is described by the link of each version.
    """

    __slots__ = (
        "_account",
        "_call_limit",
        "_context",
        "_http",
        "_left",
        "_peer",
        "_requests",
        "_served",
        "_streams",
        "body_limit",
        "budget",
        "data",
        "gate",
        "heads",
        "loop",
        "sending",
        "time",
        "transport",
    )

    http_version: str
    codes: StreamCodes
    connect_section: str
    _peer: Peer
    transport: FactsOfTransport

    def __init__(self, context: "Context", http: HTTPSettings, engine: BaseEngine[RequestStream]) -> None:
        self._account = engine.account
        self._requests = engine.requests
        self._streams = engine.streams
        self.data = engine.data
        self.sending = engine.sending
        self._context = context
        self._http = http
        self.budget = context.budget
        self.loop = context.loop
        self.time = context.time
        self.gate = WriteGate(context.loop)
        self.heads = ResponseHeads(self.sending.encoder, http.prefix)
        self.body_limit = http.body_limit
        self._left: set[Call] = set()
        self._served = 0
        self._call_limit: float = 0

    @property
    def streams(self) -> int:
        """How many streams are open, for the statistics."""
        return len(self._streams.live)

    def make_stream(self, number: int, window: int) -> RequestStream:
        """Return a new stream; `window` is what it may send."""
        return RequestStream(self, number, window)

    def begin(self, stream: RequestStream, head: RequestHead) -> None:
        """Serve a request whose head has come; the request is complete if its stream has no upload."""
        context = self._context
        if head.length > self.body_limit:
            self.decline(stream, too_large())
            return
        if head.protocol and head.protocol not in context.upgrades:
            self.decline(stream, RequestError(501, "the server does not speak this protocol", self.connect_section))
            return
        stream.is_head = head.method == "HEAD"
        scope = request_scope(self._peer, head.method, known_target(head.target), head.headers)
        version = scope["http_version"] = self.http_version
        scope["state"] = context.state.copy()
        row = None if context.tally is None else context.tally.rows[version][head.method]
        cycle = stream.cycle = Cycle(context, stream, scope, head.target, row)
        app = self._adapt(stream, cycle, head) if head.is_special else context.app
        if stream.upload is None or head.protocol:
            cycle.body_complete = True
        else:
            cycle.expects_continue = head.expects_continue
            self._watch_upload(stream.upload, self._account.now)
        self._served += 1
        http = self._http
        if self._served >= http.keepalive_requests:
            self._last_call()
        elif context.closing:  # where HTTP/1.1 says `connection: close`
            self.drain()
        if http.entrance is None:
            context.start(cycle, app)
        else:
            http.entrance.enter(cycle, app, self._call_limit)

    def _adapt(self, stream: RequestStream, cycle: Cycle, head: RequestHead) -> Application:
        """Handle what few requests need; returns the application to call for this one."""
        if head.wants_trailers:
            stream.wants_trailers = True
            cycle.scope["extensions"]["http.response.trailers"] = {}
        if head.is_forwarded and self._peer.trust is not None:
            apply_forwarded(cycle.scope, self._peer.trust)
        if head.protocol:
            stream.await_switch(cycle)
            return self._context.upgrades[head.protocol]
        return self._context.app

    def decline(self, stream: RequestStream, error: RequestError) -> None:
        """Answer a well-formed request that is not served."""
        self.warn(error)
        answer_unreadable(self._context, stream, self._peer, error)

    def warn(self, error: RequestError) -> None:
        """Log why a request is refused."""
        warn(self._context, self._peer, error)

    def has_fault(self, fault: StreamFault | ConnectionFault) -> None:
        """Log what a client did wrong."""
        if isinstance(fault, ConnectionFault):
            self._count_fault(fault)
        self._context.logger.warning("refused what %s sent: %s (%s)", self._peer, fault, fault.section)

    def leave(self, cycle: Call) -> None:
        """A cycle's stream has ended before the cycle: count it as a stream until its call returns."""
        if cycle in self._context.cycles and not withdraw(self._context, cycle):
            self._left.add(cycle)
            self._requests.leftovers = len(self._left)
            self._context.task_of(cycle).add_done_callback(lambda _: self._left.discard(cycle))

    def count_leftovers(self) -> None:
        """Update `BaseRequests.leftovers`."""
        self._left &= self._context.cycles
        self._requests.leftovers = len(self._left)

    def _leave_all(self) -> None:
        """End all streams with the connection."""
        for stream in list(self._streams.live.values()):
            self.sending.close_stream(stream, CLOSED)
            stream.on_reset()

    @property
    @abstractmethod
    def connection(self) -> Connection:
        """Itself, as the server sees it."""

    @property
    def is_trusted(self) -> bool:
        """Whether the peer is a proxy whose fields about the client count."""
        return self._peer.trust is not None

    def _count_fault(self, fault: ConnectionFault) -> None:
        """Count a connection that ends with a fault, where the version has such a figure."""

    @abstractmethod
    def flush(self) -> None:
        """Write what has been framed, and as much of what waits as there is room for."""

    @abstractmethod
    def drain(self) -> None:
        """Serve what has been requested and what is on its way, then close."""

    @abstractmethod
    def _last_call(self) -> None:
        """Tell the client which stream was the last; the connection ends with those that are open."""

    @abstractmethod
    def hasten(self, deadline: float) -> None:
        """Check deadlines at `deadline` or before."""

    @abstractmethod
    def _watch_upload(self, upload: Upload, now: float) -> None:
        """Set the deadline of a request's body."""
