"""Who may run now, who waits, who is sent away (rules A-1 to A-3 and A-6).

Knows neither HTTP nor event-loop utilisation: it counts slots, and is told the limit
(`esg_core.overload.backpressure`). Almost always letting a request in is one comparison, and giving its slot back is
another. Over the limit, those who come wait in one line: a slot that is given back goes to its head, and one timer, for
the head, sends away whoever has waited too long. Who leaves the line in between is taken out of it at once, wherever he
stands.

All methods belong to the loop's thread.
"""

import asyncio
import logging
import math
from collections import OrderedDict
from typing import Protocol

NOTICE_INTERVAL = 10.0
"""Seconds in which refusals are told of in the log at most once."""

EARLY = 0.002
"""Seconds by which a loop that counts milliseconds may call too early."""


class Place(Protocol):
    """What a request holds: a slot, or a place among those who wait for one.

    Unless it is `special`, to give it back is to count `in_flight` down by one: no call is needed.
    """

    is_waiting: bool
    in_flight: int

    @property
    def special(self) -> object:
        """Whether giving it back takes a call of `release()`."""

    def release(self) -> None:
        """Give it back, once."""


class Holder(Protocol):
    """A request, as far as it holds something."""

    place: Place | None


class Waiter(Protocol):
    """A request that waits for a slot."""

    def admit(self, place: Place) -> None:
        """Its turn has come: this is its slot, and it runs."""

    def refuse(self) -> None:
        """There will be no slot for it."""


class TimedSlot:
    """A slot of a request that is timed."""

    __slots__ = ("_admission", "_came_at")

    is_waiting = False
    special = True
    in_flight = 0

    def __init__(self, admission: "Admission", came_at: float) -> None:
        self._admission = admission
        self._came_at = came_at

    def release(self) -> None:
        """As `Place.release`."""
        self._admission.measure(self._came_at)
        self._admission.release()


class Admission:
    """The slots of one server; for a request that has one of them, it is its `Place`.

    `limit` is how many requests may run at once, `in_flight` how many do, `peak` the most that have in this window.
    `queue_size` is how many may wait beyond them, for `queue_timeout` seconds each (None: without end). While it is
    `saturated`, nobody begins to wait. `smoothing` is the weight of the latest request in `smoothed_latency`.

    While fewer run than `easy`, one more touches neither limit nor peak: it may be counted without a call, by whoever
    then makes this its place. `enter()` is for all others. Likewise one less may be counted without `release()`, unless
    this is `special`: somebody waits.

    Counters that only grow: `rejected` (all who were not let in, whether at once or after waiting), `queued_total`,
    `queue_timeouts`, `queue_disconnects`.
    """

    is_waiting = False

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limit: int,
        queue_size: int = 0,
        queue_timeout: float | None = None,
        smoothing: float = 0.2,
    ) -> None:
        self._loop = loop
        self._time = loop.time
        self._queue_size = queue_size
        self._queue_timeout = queue_timeout
        self._smoothing = smoothing
        self._waiting: OrderedDict[Waiter, float] = OrderedDict()
        self.special: object = self._waiting  # true while there is anybody in it
        self._timer: asyncio.TimerHandle | None = None
        self._notice_at = -math.inf
        self.limit = limit
        self.in_flight = self.peak = self.easy = 0
        self.saturated = False
        self.smoothed_latency = 0.0
        self.sample_count = 0
        self.rejected = self.queued_total = self.queue_timeouts = self.queue_disconnects = 0

    # What happens to each request.

    def enter(self, holder: Holder) -> bool:
        """Give the request a slot that is timed, if there is one."""
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
        """As `Place.release`."""
        self.in_flight -= 1
        if self._waiting:
            self._admit_waiting()

    def time(self, holder: Holder) -> None:
        """Time a request from now on, if what it holds is a slot that is not timed."""
        if holder.place is self:
            holder.place = TimedSlot(self, self._time())

    def measure(self, came_at: float) -> None:
        """A request that came then is done."""
        latency = self._time() - came_at
        self.sample_count += 1
        weight = 1 if self.sample_count == 1 else self._smoothing
        self.smoothed_latency += (latency - self.smoothed_latency) * weight

    # The line.

    @property
    def queued(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def wait(self, waiter: Waiter) -> bool:
        """Let a request that got no slot wait for one, if it may; else it has to be refused, and is counted as such."""
        if self.saturated or len(self._waiting) >= self._queue_size:
            self.rejected += 1
            self._notice()
            return False
        self._waiting[waiter] = now = self._time()
        self.queued_total += 1
        if self._timer is None and self._queue_timeout is not None:
            self._timer = self._loop.call_at(now + self._queue_timeout, self._expire, self._queue_timeout)
        return True

    def leave(self, waiter: Waiter) -> None:
        """A request that waits has gone away; harmless for one that does not wait any more."""
        if self._waiting.pop(waiter, None) is not None:
            self.queue_disconnects += 1

    def _admit_waiting(self) -> None:
        while self._waiting and self.in_flight < self.limit:
            waiter, came_at = self._waiting.popitem(last=False)
            self.in_flight += 1
            self.peak = max(self.peak, self.in_flight)
            self.easy = min(self.limit, self.peak)
            waiter.admit(TimedSlot(self, came_at))

    def _expire(self, patience: float) -> None:
        """Refuse those who have waited too long, then set the timer for the head of those who are left."""
        self._timer = None
        now = self._time()
        while self._waiting:
            head, came_at = next(iter(self._waiting.items()))
            if came_at + patience > now + EARLY:
                self._timer = self._loop.call_at(came_at + patience, self._expire, patience)
                return
            self.queue_timeouts += 1
            self._refuse(head)
            self._notice()

    def _refuse(self, waiter: Waiter) -> None:
        del self._waiting[waiter]
        self.rejected += 1
        waiter.refuse()

    def _notice(self) -> None:
        """Tell of refusals in the log, now and then."""
        now = self._time()
        if now >= self._notice_at:
            self._notice_at = now + NOTICE_INTERVAL
            logging.getLogger("esg.error").warning(
                "overloaded: as many requests run as may (%d), and others get 503 (%d so far)",
                self.limit,
                self.rejected,
            )

    # The server's side.

    def begin_window(self, limit: int) -> None:
        """A new window: its limit holds from now on, and its peak is what runs."""
        self.limit = limit
        self.peak = self.in_flight
        self.easy = min(limit, self.peak)
        self._admit_waiting()

    def drain(self) -> None:
        """The server stops: refuse all who wait; nobody waits from now on (rule L-2)."""
        self._queue_size = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._refuse(next(iter(self._waiting)))
