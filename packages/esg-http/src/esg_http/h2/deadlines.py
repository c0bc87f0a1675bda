"""What one HTTP/2 connection waits for, and what happens when it has waited long enough (rules H-17, 2-3, 2-5).

Deadlines are numbers that the context's sweeper looks at, not timers: `_timers` holds the connection's, by what is
awaited, and each stream has its own, for its upload and its unsent data. Knows the connection and its streams; asks the
transport only whether the client still reads.
"""

from abc import abstractmethod
from math import inf
from typing import TYPE_CHECKING

from esg_core.errors import RequestError
from esg_core.sockets.ends import abort, close, reset
from esg_core.sockets.tcp import Departure, WriteWatch, delivery, departure
from esg_core.write_pace import WritePace
from esg_http.h2.coding.codes import CANCEL, ENHANCE_YOUR_CALM, NO_ERROR, PROTOCOL_ERROR, SETTINGS_TIMEOUT
from esg_http.h2.coding.faults import ConnectionFault
from esg_http.h2.coding.frames import goaway_frame, ping_frame
from esg_http.h2.engine.base_stream import Unsent, Upload
from esg_http.h2.engine.engine import Engine
from esg_http.h2.serving import Serving
from esg_http.h2.settings import H2Settings
from esg_http.h2.stream import H2Stream
from esg_http.settings import LOOK

if TYPE_CHECKING:
    from esg_core.context import Context

LINGER = 1.0
"""Seconds that a client may take to close the connection after it was sent everything."""

_ARE_YOU_THERE = b"half-end"

START, BLOCK, IDLE, DRAIN, WRITE, HALF, END = range(7)
"""What a connection waits for: preface and settings, the rest of a header block, the next request, the answer to the
first GOAWAY, a client that does not read, a client that has closed its side, the client's end after ours."""


class Deadlines(Serving):
    """A connection that does not wait forever.

    See `esg_core.contracts.Connection`, and see `esg_http.h2.engine.link.EngineLink`.
    """

    __slots__ = ("_is_overdue", "_sent_before", "_timers", "_written", "check_at", "deadline")

    def __init__(self, context: "Context", settings: H2Settings, engine: Engine[H2Stream]) -> None:
        super().__init__(context, settings, engine)
        self.deadline = inf
        self.check_at = 0
        self._is_overdue = False
        self._timers: dict[int, float] = {}
        self._written: WriteWatch | None = None
        self._sent_before = 0

    # Setting them. Those no shorter than HTTP/1.1's shortest time-out need not hasten the sweeper.

    def _watch(self, timer: int, due: float) -> None:
        self._timers[timer] = due
        self.hasten(due)

    def hasten(self, deadline: float) -> None:
        if deadline < self.deadline:
            self.deadline = deadline
            self._context.sweeper.hasten(self)

    def _watch_upload(self, upload: Upload, now: float) -> None:
        upload.deadline = now + self._settings.http.request
        self.deadline = min(self.deadline, upload.deadline)

    def _watch_writing(self, now: float) -> None:
        self._written = WriteWatch(self.transport, self._settings.http.write, now)
        self._watch(WRITE, self._written.due)

    def _watch_half_closed(self, now: float) -> None:
        self._sent_before = self.sending.sent
        self._watch(HALF, now + LOOK)

    def has_unsent(self, unsent: Unsent) -> None:
        unsent.pace = WritePace(self._settings.http.write, self.time())
        self._look_again(unsent)

    def _look_again(self, unsent: Unsent) -> None:
        unsent.moved = 0
        unsent.sent_before = self.sending.sent
        self.hasten(unsent.pace.due)

    def has_started(self) -> None:
        self._watch(START, self._account.now + self._settings.settings_timeout)
        self._watch(IDLE, self._account.now + self._settings.http.request_headers)

    def has_begun_block(self) -> None:
        self._watch(BLOCK, self._account.now + self._settings.http.request_headers)

    def has_no_streams(self) -> None:
        if self._endings.is_over:
            return
        if self._requests.ignores_new:
            self._close()
        else:
            due = self._timers[IDLE] = self.time() + self._settings.http.keep_alive
            self.deadline = min(self.deadline, due)

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
        elif timer == HALF:
            self._expire_half_closed(now)
        else:
            self._expire_end(now)

    def _next_deadline(self) -> float:
        due = [*self._timers.values()]
        for stream in self._streams.live.values():
            if stream.upload is not None:
                due.append(stream.upload.deadline)
            if stream.unsent is not None:
                due.append(stream.unsent.pace.due)
        return min(due, default=inf)

    def _expire_stream(self, stream: H2Stream, now: float) -> None:
        upload, unsent = stream.upload, stream.unsent
        if unsent is not None and unsent.pace.due <= now:
            if unsent.pace.is_too_slow(self._moved(stream, unsent), now):
                self._context.logger.warning("%s does not read a response: reset (timeout-write)", self._peer)
                stream.cut(CANCEL)
                return
            self._look_again(unsent)
        if upload is not None and upload.deadline <= now:
            if stream.tunnel is not None:  # the client does not end its side
                stream.cut(NO_ERROR)
            elif stream.cycle is not None and stream.cycle.buffered:  # the application is slow, not the client
                self._watch_upload(upload, now)
            else:
                late = "the request body did not arrive in time"
                stream.refuse(RequestError(408, late, "RFC 9110 section 15.5.9"))

    def _moved(self, stream: H2Stream, unsent: Unsent) -> int:
        """How many bytes the client has taken of a response, or of those before it."""
        return max(unsent.moved, self.sending.sent - unsent.sent_before) if stream.window > 0 else unsent.moved

    def _expire_start(self) -> None:
        if not self._receiving.has_begun:
            self._endings.end_connection(
                ConnectionFault(PROTOCOL_ERROR, "the preface did not arrive in time", "RFC 9113 section 3.4")
            )
        elif not self._control.is_settled:
            self._endings.end_connection(
                ConnectionFault(
                    SETTINGS_TIMEOUT, "the settings were not acknowledged in time", "RFC 9113 section 6.5.3"
                )
            )

    def _expire_block(self) -> None:
        if self._requests.block is not None and not self._endings.is_over:
            self._endings.end_connection(
                ConnectionFault(ENHANCE_YOUR_CALM, "a header block did not end in time", "RFC 9113 section 4.3")
            )

    def _expire_idle(self) -> None:
        """Close: nothing has been requested for a while (rule 2-5)."""
        if self._streams.live or self._endings.is_over:
            return
        if self._requests.block is not None:  # a request is coming, and has its own deadline
            self._watch(IDLE, self.time() + self._settings.http.keep_alive)
            return
        self.sending.put(goaway_frame(self._streams.last, NO_ERROR))
        self._close()

    def _expire_writing(self, now: float) -> None:
        """Check that the client still reads; abort if it has read nothing for too long (timeout-write)."""
        written = self._written
        assert written is not None
        if not written.is_given_up(self.transport, now):
            self._watch(WRITE, written.due)
            return
        if written.unsent:
            self._context.logger.warning("%s does not read its responses: aborted (timeout-write)", self._peer)
        reset(self.transport)

    def _expire_half_closed(self, now: float) -> None:
        """Reset streams that wait for a window, which nothing opens now; tell idle applications (rule H-9)."""
        if departure(self.transport) is Departure.GONE:
            self.abort()
            return
        is_idle = self.sending.sent == self._sent_before and not self.gate.closed
        if is_idle:
            self._ask_silent()
        for stream in list(self._streams.live.values()):
            if stream.unsent is not None and min(stream.window, self.sending.window) <= 0:
                stream.cut(CANCEL)
            elif is_idle and stream.unsent is None and stream.cycle is not None:
                stream.cycle.end_input()
        if self._streams.live:
            self._watch_half_closed(now)

    def _ask_silent(self) -> None:
        """Send a client that looks gone something harmless, once: one that is gone answers with a reset (rule H-25)."""
        cycles = [stream.cycle for stream in self._streams.live.values() if stream.cycle is not None]
        if self._settings.http.asks_silent and not all(cycle.input_over for cycle in cycles):
            self.sending.put(ping_frame(_ARE_YOU_THERE))

    def _expire_end(self, now: float) -> None:
        """The client does not close its side; what is written must still be sent (timeout-write)."""
        if delivery(self.transport).unsent:
            self._watch(END, now + LINGER)
        elif self.transport.is_closing():
            abort(self.transport)
        else:
            close(self.transport)

    @abstractmethod
    def abort(self) -> None:
        """See `Connection.abort`."""

    @abstractmethod
    def _close(self) -> None:
        """Close once everything written has been sent."""
