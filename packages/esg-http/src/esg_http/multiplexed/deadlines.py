"""What the streams of one connection wait for, and what happens when they have waited long enough (rules H-17, 2-3).

Deadlines are numbers that the context's sweeper looks at, not timers: `_timers` holds the connection's, by what is
awaited, and each stream has its own, for its upload and its unsent data. Which timers there are is the version's.
"""

from abc import abstractmethod
from math import inf
from typing import TYPE_CHECKING

from esg_core.errors import RequestError
from esg_core.write_pace import WritePace
from esg_http.multiplexed.base_stream import Unsent, Upload
from esg_http.multiplexed.engine.engine import BaseEngine
from esg_http.multiplexed.serving import Serving
from esg_http.multiplexed.stream import RequestStream
from esg_http.settings import HTTPSettings

if TYPE_CHECKING:
    from esg_core.context import Context


class StreamDeadlines(Serving):
    """A connection whose streams do not wait forever; see `esg_core.contracts.Connection`."""

    __slots__ = ("_endings", "_is_overdue", "_receiving", "_timers", "check_at", "deadline")

    def __init__(self, context: "Context", http: HTTPSettings, engine: BaseEngine[RequestStream]) -> None:
        super().__init__(context, http, engine)
        self._endings = engine.endings
        self._receiving = engine.receiving
        self.deadline = inf
        self.check_at = 0
        self._is_overdue = False
        self._timers: dict[int, float] = {}

    # Setting them. Those no shorter than HTTP/1.1's shortest time-out need not hasten the sweeper.

    def _watch(self, timer: int, due: float) -> None:
        self._timers[timer] = due
        self.hasten(due)

    def hasten(self, deadline: float) -> None:
        if deadline < self.deadline:
            self.deadline = deadline
            self._context.sweeper.hasten(self)

    def _watch_upload(self, upload: Upload, now: float) -> None:
        upload.deadline = now + self._http.request
        self.deadline = min(self.deadline, upload.deadline)

    def has_unsent(self, unsent: Unsent) -> None:
        """A part of a response begins to wait: set its deadline."""
        unsent.pace = WritePace(self._http.write, self.time())
        self._look_again(unsent)

    def _look_again(self, unsent: Unsent) -> None:
        unsent.moved = 0
        unsent.sent_before = self.sending.sent
        self.hasten(unsent.pace.due)

    # When they pass.

    def expire(self, now: float) -> None:
        """See `Connection.expire`; input that came in time but waits for its turn is not late (rule H-22)."""
        if self._receiving.is_behind:
            self._is_overdue = True
            return
        for timer in list(self._timers):
            if self._timers.get(timer, inf) <= now:  # expiring one may set or drop another
                del self._timers[timer]
                self._expire_timer(timer, now)
        if not self._endings.is_over:
            for stream in list(self._streams.live.values()):
                self._expire_stream(stream, now)
        self.deadline = self._next_deadline()

    def _catch_up(self) -> None:
        """All earlier input has been read: check what is late now."""
        if self._is_overdue:
            self._is_overdue = False
            self.expire(self.time())
            self._context.sweeper.hasten(self)

    def _next_deadline(self) -> float:
        due = [*self._timers.values()]
        for stream in self._streams.live.values():
            if stream.upload is not None:
                due.append(stream.upload.deadline)
            if stream.unsent is not None:
                due.append(stream.unsent.pace.due)
        return min(due, default=inf)

    def _expire_stream(self, stream: RequestStream, now: float) -> None:
        upload, unsent = stream.upload, stream.unsent
        if unsent is not None and unsent.pace.due <= now:
            if unsent.pace.is_too_slow(self._moved(stream, unsent), now):
                self._context.logger.warning("%s does not read a response: reset (timeout-write)", self._peer)
                stream.cut(self.codes.cancel)
                return
            self._look_again(unsent)
        if upload is not None and upload.deadline <= now:
            if stream.tunnel is not None:  # the client does not end its side
                stream.cut(self.codes.no_error)
            elif stream.cycle is not None and stream.cycle.buffered:  # the application is slow, not the client
                self._watch_upload(upload, now)
            else:
                late = "the request body did not arrive in time"
                stream.refuse(RequestError(408, late, "RFC 9110 section 15.5.9"))

    def _moved(self, stream: RequestStream, unsent: Unsent) -> int:
        """How many bytes the client has taken of a response, or of those before it."""
        if self._is_held_up(stream):
            return unsent.moved
        return max(unsent.moved, self.sending.sent - unsent.sent_before)

    @abstractmethod
    def _is_held_up(self, stream: RequestStream) -> bool:
        """Whether a stream waits for its client to open a window, rather than for its turn."""

    @abstractmethod
    def _expire_timer(self, timer: int, now: float) -> None:
        """One of the connection's own deadlines has passed."""

    @abstractmethod
    def abort(self) -> None:
        """See `Connection.abort`."""
