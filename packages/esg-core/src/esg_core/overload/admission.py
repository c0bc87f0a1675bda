"""Which requests run now, which wait and which are refused (rules A-1 to A-3 and A-6).

Knows neither HTTP nor event-loop utilisation: it counts slots, and `esg_core.overload.backpressure` sets the limit. In
the common case, admitting a request is one comparison, and so is giving its slot back. Requests beyond the limit wait
in one queue (`esg_core.overload.line`), which gives out free slots, and one timer, for the request that came first,
refuses those that have waited too long. A request that leaves is removed at once, from any position.

All methods belong to the loop's thread.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Protocol

from esg_core.figures.labels import ADMISSION_REASONS
from esg_core.overload import line
from esg_core.overload.notices import Notices

EARLY = 0.002
"""Seconds by which a loop that counts in milliseconds may call too early."""


class Place(Protocol):
    """What a request holds: a slot, or a place in the queue for one.

    Unless it is `special`, giving it back means decrementing `in_flight`: no call is needed.
    """

    is_waiting: bool
    in_flight: int

    @property
    def special(self) -> object:
        """Whether giving it back requires a call of `release()`."""

    def release(self) -> None:
        """Give it back, once."""


class Holder(Protocol):
    """A request, seen as the holder of a place."""

    place: Place | None


class Waiter(line.Waiter, Protocol):
    """A request that waits for a slot."""

    def admit(self, place: Place) -> None:
        """It is its turn: run it, in this slot."""

    def refuse(self) -> None:
        """There will be no slot for it."""


class TimedSlot:
    """The slot of a request that is timed; see `esg_core.overload.admission.Place`."""

    __slots__ = ("_admission", "_came_at")

    is_waiting = False
    special = True
    in_flight = 0

    def __init__(self, admission: "Admission", came_at: float) -> None:
        self._admission = admission
        self._came_at = came_at

    def release(self) -> None:
        self._admission.measure(self._came_at)
        self._admission.release()


class Admission:
    """The slots of one server, and the place of each request that has one: see `esg_core.overload.admission.Place`.

    `limit` is how many requests may run at once, `in_flight` how many do, `peak` the highest number in this window.
    `queue_size` is how many more may wait, for `queue_timeout` seconds each (`inf`: forever). While it is `saturated`,
    no further request may wait. `smoothing` is the weight of the latest request in `smoothed_latency`.

    While fewer than `easy` run, one more reaches neither limit nor peak: the caller may increment `in_flight` itself,
    and make this the place of the request. All others go through `enter()`. Likewise, `in_flight` may be decremented
    without `release()`, unless this is `special`: then a request waits.

    Counters that only grow: `rejected` (requests that were not admitted, at once or after waiting), `refused` (the same
    by reason), `queued_total`, `queue_timeouts`, `queue_disconnects`. `on_waited` is called with the seconds that a
    request waited, once it is admitted or refused.
    """

    is_waiting = False

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limit: int,
        queue_size: int = 0,
        queue_timeout: float = math.inf,
        smoothing: float = 0.2,
    ) -> None:
        self._loop = loop
        self._time = loop.time
        self._queue_size = queue_size
        self._queue_timeout = queue_timeout
        self._smoothing = smoothing
        self._line: line.Line[Waiter] = line.Line()
        self._waiting = self._line.came
        self.special: object = self._waiting  # true while a request waits
        self._timer: asyncio.TimerHandle | None = None
        self._notices = Notices(loop.time)
        self.limit = limit
        self.in_flight = self.peak = self.easy = 0
        self.saturated = False
        self.smoothed_latency = 0.0
        self.sample_count = 0
        self.rejected = self.queued_total = self.queue_timeouts = self.queue_disconnects = 0
        self.refused = dict.fromkeys(ADMISSION_REASONS, 0)
        self._when_full = "queue_full" if queue_size else "limit"
        self.on_waited: Callable[[float], None] | None = None

    # Each request.

    def enter(self, holder: Holder) -> bool:
        """Give the request a timed slot, if one is free."""
        in_flight = self.in_flight
        if in_flight >= self.easy:
            if in_flight >= self.limit:
                return False
            self.peak = max(self.peak, in_flight + 1)
            self.easy = min(self.limit, self.peak)
        self.in_flight = in_flight + 1
        holder.place = TimedSlot(self, self._time())
        return True

    def release(self) -> None:
        self.in_flight -= 1
        if self._waiting:
            self._admit_waiting()

    def time(self, holder: Holder) -> None:
        """Time a request from now on, if it holds a slot that is not timed."""
        if holder.place is self:
            holder.place = TimedSlot(self, self._time())

    def measure(self, came_at: float) -> None:
        """A request that came at that time is done."""
        latency = self._time() - came_at
        self.sample_count += 1
        weight = 1 if self.sample_count == 1 else self._smoothing
        self.smoothed_latency += (latency - self.smoothed_latency) * weight

    # The queue.

    @property
    def queued(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    def wait(self, waiter: Waiter) -> bool:
        """Let a request wait for a slot, if it may; otherwise the caller must refuse it. Counts either."""
        is_full = len(self._waiting) >= self._queue_size
        displaced = self._line.gives_way_to(waiter) if is_full else None
        if self.saturated or (is_full and displaced is None):
            self.rejected += 1
            self.refused[self._when_full if is_full else "saturated"] += 1
            self._notice()
            return False
        now = self._time()
        self._line.join(waiter, now)
        self.queued_total += 1
        if self._timer is None and self._queue_timeout < math.inf:
            self._timer = self._loop.call_at(now + self._queue_timeout, self._expire, self._queue_timeout)
        if displaced is not None:
            self._refuse(displaced, self._when_full)
            self._notice()
        return True

    def leave(self, waiter: Waiter) -> None:
        """A waiting request has gone away; harmless for one that no longer waits."""
        if self._line.leave(waiter) is not None:
            self.queue_disconnects += 1

    def _admit_waiting(self) -> None:
        while self._waiting and self.in_flight < self.limit:
            waiter, came_at = self._line.next()
            self.in_flight += 1
            self.peak = max(self.peak, self.in_flight)
            self.easy = min(self.limit, self.peak)
            self._has_waited(came_at)
            waiter.admit(TimedSlot(self, came_at))

    def _has_waited(self, came_at: float) -> None:
        if self.on_waited is not None:
            self.on_waited(self._time() - came_at)

    def _expire(self, patience: float) -> None:
        """Refuse requests that have waited too long, then set the timer for the new head."""
        self._timer = None
        now = self._time()
        while self._waiting:
            head, came_at = next(iter(self._waiting.items()))
            if came_at + patience > now + EARLY:
                self._timer = self._loop.call_at(came_at + patience, self._expire, patience)
                return
            self.queue_timeouts += 1
            self._refuse(head, "queue_timeout")
            self._notice()

    def _refuse(self, waiter: Waiter, reason: str) -> None:
        self._has_waited(self._waiting[waiter])
        self._line.leave(waiter)
        self.rejected += 1
        self.refused[reason] += 1
        waiter.refuse()

    def _notice(self) -> None:
        """Log refusals, now and then."""
        if self._notices.is_due():
            logging.getLogger("esg.error").warning(
                "overloaded: the limit of running requests (%d) is reached; others get 503 (%d so far)",
                self.limit,
                self.rejected,
            )

    # The server's side.

    def begin_window(self, limit: int) -> None:
        """Begin a window with a new limit; its peak starts at what runs now."""
        self.limit = limit
        self.peak = self.in_flight
        self.easy = min(limit, self.peak)
        self._admit_waiting()

    def drain(self) -> None:
        """The server stops: refuse all requests that wait, and let no more wait (rule L-2)."""
        self._queue_size = 0
        self._when_full = "draining"
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._refuse(next(iter(self._waiting)), "draining")
