"""Who may run now, who waits, who is sent away (rules A-1 to A-3 and A-6).

Knows neither HTTP nor event-loop utilisation: it counts slots, and is told the limit (`esg_core.backpressure`). Almost
always letting a request in is one comparison, and giving its slot back is another. Over the limit, those who come wait
in one line: a slot that is given back goes to its head, and one timer, for the head, sends away whoever has waited too
long. Who leaves the line in between is taken out of it at once, wherever he stands.

All methods belong to the loop's thread.
"""

import asyncio
import logging
import math
import sys
from collections import OrderedDict
from typing import Protocol

NOTICE_INTERVAL = 10.0
"""Seconds in which refusals are told of in the log at most once."""

TIMED = 16
"""Requests of each window whose duration is measured: enough for an average, and all others look at no clock."""


class Place(Protocol):
    """What a request holds: a slot, or a place among those who wait for one."""

    is_waiting: bool

    def release(self, since: float) -> None:
        """Give it back, once; `since` is when the request came, 0 if nobody looked."""


class Waiter(Protocol):
    """A request that waits for a slot."""

    def admit(self) -> None:
        """Its turn has come: it holds a slot now, and runs."""

    def refuse(self) -> None:
        """There will be no slot for it."""


class Admission:
    """The slots of one server; for a request that has one of them, it is its `Place`.

    `limit` is how many requests may run at once. `queue_size` is how many may wait beyond them, for `queue_timeout`
    seconds each (None: without end). While it is `saturated`, nobody begins to wait. `smoothing` is the weight of the
    latest request in `smoothed_latency`.

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
        self._queue_timeout = math.inf if queue_timeout is None else queue_timeout
        self._smoothing = smoothing
        self._waiting: OrderedDict[Waiter, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._notice_at = -math.inf
        self._untimed = sys.maxsize
        self.limit = limit
        self.in_flight = 0
        self.peak = 0
        self.saturated = False
        self.smoothed_latency = 0.0
        self.sample_count = 0
        self.rejected = self.queued_total = self.queue_timeouts = self.queue_disconnects = 0

    # What happens to each request.

    def enter(self) -> bool:
        """Take a slot, if there is one."""
        in_flight = self.in_flight
        if in_flight >= self.limit:
            return False
        self.in_flight = in_flight = in_flight + 1
        if in_flight > self.peak:  # noqa: PLR1730 - max() costs as much as all the rest here
            self.peak = in_flight
        return True

    def begin(self) -> float:
        """When a request that has just got its slot came in, if it is one of those that are timed, else 0."""
        if not self._untimed:
            return 0.0
        self._untimed -= 1
        return self._time()

    def release(self, since: float) -> None:
        """As `Place.release`."""
        self.in_flight -= 1
        if since:
            self._measure(self._time() - since)
        if self._waiting:
            self._admit_waiting()

    def _measure(self, seconds: float) -> None:
        self.sample_count += 1
        change = seconds - self.smoothed_latency
        self.smoothed_latency += change if self.sample_count == 1 else change * self._smoothing

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
        self._waiting[waiter] = self._time() + self._queue_timeout
        self.queued_total += 1
        if self._timer is None and self._queue_timeout < math.inf:
            self._timer = self._loop.call_at(self._waiting[waiter], self._expire)
        return True

    def leave(self, waiter: Waiter) -> None:
        """A request that waits has gone away; harmless for one that does not wait any more."""
        if self._waiting.pop(waiter, None) is not None:
            self.queue_disconnects += 1

    def _admit_waiting(self) -> None:
        while self._waiting and self.enter():
            waiter, _ = self._waiting.popitem(last=False)
            waiter.admit()

    def _expire(self) -> None:
        """Refuse those who have waited too long, then set the timer for the head of those who are left."""
        self._timer = None
        now = self._time()
        while self._waiting:
            head = next(iter(self._waiting))
            due = self._waiting[head]
            if due > now:
                self._timer = self._loop.call_at(due, self._expire)
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
                "overloaded: %d requests run, which is the limit, and others get 503 (%d so far)",
                self.in_flight,
                self.rejected,
            )

    # The server's side.

    def begin_window(self, limit: int) -> None:
        """A new window: its limit holds from now on, and its peak is what runs."""
        self.limit = limit
        self.peak = self.in_flight
        self._untimed = TIMED
        self._admit_waiting()

    def drain(self) -> None:
        """The server stops: refuse all who wait; nobody waits from now on (rule L-2)."""
        self._queue_size = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._refuse(next(iter(self._waiting)))


__all__ = ["NOTICE_INTERVAL", "TIMED", "Admission", "Place", "Waiter"]
