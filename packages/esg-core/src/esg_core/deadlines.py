"""Deadlines of connections without a timer for each (rules H-17, L-5).

Knows nothing of protocols: a connection has a `deadline` (loop time), and moves it by setting an attribute. One sweeper
checks each connection now and then and calls `expire()` on those whose deadline has passed.

How it stays cheap and exact: a connection sits in the bucket of one tick. When the tick comes, a connection whose
deadline has moved goes into a later bucket. A connection without a deadline (`math.inf`) is checked again after the
shortest time-out, because it cannot set an earlier deadline in the meantime. So each connection costs one check per
shortest time-out, however many requests it serves. The only timer waits for the first tick that has a connection, so
the process is not woken in vain.

If the loop was busy when the tick came, it has not been reading, and libuv runs timers before it polls sockets again.
So what clients have sent in time is read first; otherwise an idle connection could be closed with a request in its
queue.
"""

import asyncio
import math
from typing import Protocol

TICK = 0.25
"""Seconds between two checks, and so how late a deadline may be noticed."""

LATE = 0.005
"""A timer that is this many seconds late shows that the loop was busy."""

AFTER_READING = 0.001
"""Seconds from then until the deadlines are checked: a timer that is not due at once runs after the next poll."""

LONGEST_REVISIT = 60.0
"""Seconds until a connection is looked at again at the latest: a tick is finite, also if all time-outs are off."""

UNWATCHED = -1
"""The `check_at` of a connection that has left the sweeper."""


class Watched(Protocol):
    """What has a deadline: a connection, see `esg_core.contracts.Connection`."""

    deadline: float
    check_at: int

    def expire(self, now: float) -> None:
        """The deadline has passed."""


class Sweeper:
    """Calls `expire(now)` on connections whose `deadline` has passed, at most `TICK` late.

    `shortest` is the shortest time-out, in seconds, that any connection may set; `inf` if none does.
    """

    __slots__ = ("_buckets", "_has_waited", "_loop", "_next", "_revisit", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, shortest: float) -> None:
        self._loop = loop
        self._revisit = min(max(TICK, shortest), LONGEST_REVISIT)
        self._buckets: dict[int, set[Watched]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf
        self._has_waited = False

    def add(self, connection: Watched) -> None:
        """Watch a connection from now until `discard()`."""
        self._place(connection, self._loop.time())
        self._arm(connection.check_at)

    def hasten(self, connection: Watched) -> None:
        """Check a connection by its deadline, even if that is nearer than the shortest time-out.

        Does nothing for a connection that is not watched.
        """
        if connection.check_at != UNWATCHED:
            self.discard(connection)
            self.add(connection)

    def discard(self, connection: Watched) -> None:
        """Stop watching; does nothing for a connection that is not watched."""
        bucket = self._buckets.get(connection.check_at)
        if bucket is not None:
            bucket.discard(connection)
            if not bucket:
                del self._buckets[connection.check_at]
        connection.check_at = UNWATCHED

    def close(self) -> None:
        """Forget all connections, and cancel the timer."""
        self._buckets.clear()
        self._next = math.inf
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, tick: int) -> None:
        """Sweep at this tick, if not before."""
        if tick < self._next:
            if self._timer is not None:
                self._timer.cancel()
            self._next = tick
            self._timer = self._loop.call_at(tick * TICK, self._sweep)

    def _place(self, connection: Watched, now: float) -> None:
        tick = math.ceil(min(connection.deadline, now + self._revisit) / TICK)
        connection.check_at = tick
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = set()
        bucket.add(connection)

    def _sweep(self) -> None:
        now = self._loop.time()
        if now > self._next * TICK + LATE and not self._has_waited:
            self._has_waited = True
            self._timer = self._loop.call_later(AFTER_READING, self._sweep)
            return
        self._has_waited = False
        self._timer, self._next = None, math.inf
        for tick in sorted(tick for tick in self._buckets if tick * TICK <= now):
            for connection in self._buckets.pop(tick, ()):
                if connection.deadline <= now and connection.check_at != UNWATCHED:
                    connection.deadline = math.inf
                    connection.expire(now)
                self.hasten(connection)
        if self._buckets:
            self._arm(min(self._buckets))
