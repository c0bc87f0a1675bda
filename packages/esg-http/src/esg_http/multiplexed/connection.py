"""One connection of HTTP/2 or HTTP/3: its turns, what it waits for, and how it is drained, idle, over or lost.

Its transport, and the frames that announce its end, are the version's.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, Self

from esg_http.coding.faults import ConnectionFault
from esg_http.multiplexed.deadlines import StreamDeadlines
from esg_http.multiplexed.engine.engine import BaseEngine
from esg_http.multiplexed.stream import RequestStream
from esg_http.settings import HTTPSettings

if TYPE_CHECKING:
    from esg_core.context import Context

LAST_CALL = 1.0
"""Seconds between the two GOAWAYs of a drain if the client does not answer the first (rules 2-5, Q-7)."""

LINGER = 1.0
"""Seconds that a client may take to close or acknowledge what it was sent before its connection is closed."""

START, HEAD, IDLE, DRAIN, END = range(5)
"""What a connection waits for: the client's settings, the rest of a head, the next request, the answer to the first
GOAWAY, the client's end after ours."""


class StreamConnection(StreamDeadlines):
    """A connection that ends in order; see `esg_core.contracts.Connection`.

    `first_goaway` announces a drain. `_drains` and `_has_ended` say that it is being drained, and that it has ended.
    """

    __slots__ = ("_drains", "_engine", "_has_ended", "_will_flush")

    protocol_name: str
    first_goaway: bytes

    def __init__(self, context: "Context", http: HTTPSettings, engine: BaseEngine[RequestStream]) -> None:
        super().__init__(context, http, engine)
        self._engine = engine
        self._drains = self._has_ended = self._will_flush = False

    @property
    def connection(self) -> Self:
        return self

    @property
    def _is_idle(self) -> bool:
        """Whether no request is open."""
        return not self._streams.live

    # Called by the version.

    def _join(self) -> None:
        """The connection begins to serve."""
        self._context.join(self)
        entrance = self._http.entrance
        if entrance is not None:
            self._call_limit = entrance.call_limit()

    def _go_on(self) -> None:
        """Continue with what came before: it is this connection's turn (rule H-22)."""
        if self._endings.is_over:
            return
        self._receiving.go_on(self.time())
        if self._receiving.is_behind:
            self._context.budget.wait(self._go_on)
        else:
            self._catch_up()

    def _lost(self) -> None:
        """The transport has gone."""
        self._endings.is_over = self._has_ended = True
        self._context.leave(self)
        self._context.budget.leave(self._go_on)
        self._leave_all()
        self._engine.unlink()
        self.gate.open()

    def has_no_streams(self) -> None:
        """See `BaseLink.has_no_streams`."""
        if self._endings.is_over:
            return
        if self._requests.ignores_new:
            self._close()
        else:
            due = self._timers[IDLE] = self.time() + self._http.keep_alive
            self.deadline = min(self.deadline, due)

    def has_output(self) -> None:
        """See `BaseLink.has_output`; flushes once, at the end of the loop's turn."""
        if not self._will_flush:
            self._will_flush = True
            self.loop.call_soon(self.flush)

    # When deadlines pass.

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
            self._expire_end(now)

    def _expire_idle(self) -> None:
        """Close: nothing has been requested for a while (rules 2-5, Q-7)."""
        if self._is_idle and not self._endings.is_over:
            self._refuse_new()
            self._close()

    @abstractmethod
    def _expire_start(self) -> None:
        """End the connection of a client that has not begun in time."""

    @abstractmethod
    def _expire_heads(self, now: float) -> None:
        """End what has not become a request in time."""

    @abstractmethod
    def _expire_end(self, now: float) -> None:
        """Everything has been sent, and the client has not ended the connection."""

    # Ends.

    def drain(self) -> None:
        """See `Connection.drain`; announces the end, and for one more round trip accepts what is on its way."""
        if self._drains or self._endings.is_over or (self._context.patient and not self._served):
            return
        self._drains = True
        self.sending.put(self.first_goaway)
        self._watch(DRAIN, self.time() + LAST_CALL)

    def _last_call(self) -> None:
        if self._requests.ignores_new:
            return
        self._refuse_new()
        if self._is_idle:
            self._close()

    @abstractmethod
    def _refuse_new(self) -> None:
        """Accept no more requests, and tell the client which was the last."""

    @abstractmethod
    def _close(self) -> None:
        """Close once everything has been sent; what still comes is ignored."""

    @abstractmethod
    def has_failed(self, fault: ConnectionFault) -> None:
        """See `BaseLink.has_failed`."""
