"""The law by which workers share one queue of connections: each takes its part, and leaves the rest to the others.

A worker that comes to the queue takes what it lacks to the mean of all workers, with the connections that wait counted
in, and `SLACK` more. One that has all that stands back, so that the others come to it. If they do not, it goes on after
`PATIENCE`, with one connection at a time: they may be slow to wake. Those that have not come for `STALL` are blocked,
and do not count for a while, or until they come. So no connection waits for any of them.

Knows neither sockets nor clocks.
"""

import math
from collections.abc import Sequence
from typing import Protocol

SLACK = 1
"""How many more than its share a worker takes: without any, it stands back too often."""

BRIEF = 0.05
"""A connection that ends within this many seconds is brief."""

BRIEF_SLACK = 16
"""The most that `SLACK` grows to while connections are brief, by one for each.

What does not stay need not be even, and costs least where the code and the caches are warm.
"""

BRIEF_MEMORY = 0.1
"""Seconds after the last brief connection in which that holds: eight workers on one core take turns that long."""

STAND_BACK = 0.001
"""Seconds for which a worker stands back before it looks again: the finest timer of uvloop."""

PATIENCE = 0.004
"""Seconds after which one that stands back takes connections all the same, one each `STAND_BACK`.

Eight workers on two cores need that long to wake; with less, a burst is less even.
"""

STALL = 0.02
"""Seconds without a look at the queue after which a worker counts as blocked; one that is only slow to wake is not."""

MEMORY = 0.1
"""Seconds after which one that was blocked is waited for again: it may run by now, and have had no reason to come."""


class Rows(Protocol):
    """What workers publish: a row for each, at the same index in every list."""

    def held(self) -> list[int]:
        """Its connections, plus 1; 0 for one that does not accept."""

    def looks(self) -> Sequence[int]:
        """How often it has come to the queue: any change counts."""


class BriefConnections:
    """How many brief connections a worker has had lately, and so how strictly it keeps to its share."""

    def __init__(self) -> None:
        self._count = 0
        self._last = -math.inf

    def ended(self, began: float, now: float) -> None:
        """A connection has ended that began then; both are seconds."""
        if now - began < BRIEF:
            self._count = self._lately(now) + 1
            self._last = now

    def slack(self, now: float) -> int:
        """How many connections more than its share the worker may take."""
        return min(SLACK + self._lately(now), BRIEF_SLACK)

    def _lately(self, now: float) -> int:
        return self._count if now - self._last < BRIEF_MEMORY else 0


class FairShare:
    """What one worker may take from one queue; `own` is its row.

    The worker raises its own looks before it asks. One that does not count as accepting may take everything.
    """

    def __init__(self, rows: Rows, own: int) -> None:
        self._rows = rows
        self._own = own
        self._blocked: dict[int, int] = {}
        self._forget_at = math.inf
        self._since = math.inf
        self._next = math.inf
        self._looks: Sequence[int] = ()

    def room(self, waiting: int, now: float, slack: int = SLACK) -> int:
        """How many connections to take while `waiting` are in the queue; 0 to stand back for `STAND_BACK`.

        After that, this must be called again, or `rest()` if none wait any more. `now` is in seconds; `slack` is how
        many more than its share the worker may take.
        """
        held = self._awake(now)
        room = self._lacking(held, waiting) + slack
        if room <= 0 and now - self._since >= STALL:
            self._since = now
            self._notice_blocked(now)
            room = self._lacking(self._awake(now), waiting) + slack
        if room > 0:
            self.rest()
            return room
        return self._stand_back(now)

    def rest(self) -> None:
        """No connection waits, so there is nothing to stand back from."""
        self._since = self._next = math.inf

    def _awake(self, now: float) -> list[int]:
        """What each worker holds, without those that are blocked."""
        held = self._rows.held()
        if now >= self._forget_at:
            self._blocked = {}
        if self._blocked:
            looks = dict(enumerate(self._rows.looks()))
            self._blocked = {row: seen for row, seen in self._blocked.items() if looks.get(row) == seen}
            held = [0 if row in self._blocked else count for row, count in enumerate(held)]
        return held

    def _lacking(self, held: list[int], waiting: int) -> int:
        """How many this worker lacks to its share; negative if it has more."""
        own = held[self._own]
        if not own:
            return waiting
        accepting = len(held) - held.count(0)
        share = -(-(sum(held) - accepting + waiting) // accepting)
        return share - own + 1

    def _stand_back(self, now: float) -> int:
        """1 if it is time to take one all the same, else 0."""
        if self._since == math.inf:
            self._since, self._next = now, now + PATIENCE
            self._looks = self._rows.looks()
        if now < self._next:
            return 0
        self._next = now + STAND_BACK
        return 1

    def _notice_blocked(self, now: float) -> None:
        """Find those that have not come since this one stands back."""
        self._forget_at = now + MEMORY
        before, self._looks = self._looks, self._rows.looks()
        rows = enumerate(zip(before, self._looks, strict=False))
        self._blocked = {row: seen for row, (old, seen) in rows if old == seen and row != self._own}
