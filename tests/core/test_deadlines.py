"""Deadlines without timers of their own (rules H-17, L-5)."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from esg_core.contracts import Connection
from esg_core.deadlines import UNWATCHED, Sweeper
from esg_core.testing import ManualLoop

SHORTEST = 2.0
TICK = 0.25


@dataclass(eq=False)
class Watched:
    """A connection that records when it expires, then waits for `again` seconds, and calls a function."""

    loop: ManualLoop
    deadline: float = math.inf
    check_at: int = 0
    again: float = math.inf
    then: Callable[[float], None] | None = None
    expired: list[float] = field(default_factory=list)

    def expire(self, now: float) -> None:
        assert now == self.loop.time()
        assert self.deadline == math.inf
        self.expired.append(now)
        self.deadline = now + self.again
        if self.then is not None:
            self.then(now)


class Watch:
    """A sweeper on a clock that a test moves, and the connections that it watches."""

    def __init__(self) -> None:
        self.loop = ManualLoop()
        self.sweeper = Sweeper(self.loop, SHORTEST)
        self.begin = self.loop.time()

    def add(self, seconds: float, again: float = math.inf) -> Watched:
        """Watch a connection whose deadline is that many seconds from now."""
        connection = Watched(self.loop, self.loop.time() + seconds, again=again)
        self.sweeper.add(cast(Connection, connection))
        return connection

    def hasten(self, connection: Watched) -> None:
        self.sweeper.hasten(cast(Connection, connection))

    def discard(self, connection: Watched) -> None:
        self.sweeper.discard(cast(Connection, connection))

    def wakes(self) -> list[float]:
        """The times at which the loop will be woken, from now on."""
        return [handle.when() - self.loop.time() for handle in self.loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    with watch.loop:
        yield watch


@pytest.mark.parametrize("seconds", [0, 0.1, 0.25, 1, 1.99, 2, 2.01, 7.3, 60])
@pytest.mark.parametrize("start", [0, 0.07, 0.2])
def test_a_deadline_is_noticed_in_time(watch: Watch, seconds: float, start: float) -> None:
    """H-17: not before, and at most a tick later."""
    watch.loop.advance(start)
    connection = watch.add(seconds)
    watch.loop.advance(seconds + TICK)
    [noticed] = connection.expired
    assert 0 <= noticed - (watch.begin + start + seconds) <= TICK
    watch.loop.advance(100)
    assert len(connection.expired) == 1


def test_a_deadline_may_move_away(watch: Watch) -> None:
    """H-17: any number of times, for the price of an attribute."""
    connection = watch.add(3)
    for _ in range(10):
        watch.loop.advance(2.9)
        connection.deadline = watch.loop.time() + 3
    assert connection.expired == []
    watch.loop.advance(3 + TICK)
    assert len(connection.expired) == 1


def test_a_deadline_may_come_as_near_as_the_shortest_time_out(watch: Watch) -> None:
    """H-17: whenever it is set."""
    connection = watch.add(math.inf)
    for wait in (0.1, 1.9, 0.6):
        watch.loop.advance(wait)
        connection.deadline = watch.loop.time() + SHORTEST
        watch.loop.advance(SHORTEST + TICK)
        assert connection.deadline == math.inf
    assert len(connection.expired) == 3


@pytest.mark.parametrize(("late", "waits"), [(0, False), (0.004, False), (0.006, True), (60, True)])
def test_a_loop_that_was_busy_reads_before_it_looks(watch: Watch, late: float, waits: bool) -> None:
    """H-17: libuv runs timers before it looks at sockets, where what a client has sent in time may wait."""
    connection = watch.add(1)
    handle = watch.sweeper._timer
    assert handle is not None
    watch.loop._now = handle.when() + late
    handle._run()
    assert (connection.expired == []) == waits
    connection.deadline = watch.loop.time() + 1 if waits else math.inf
    watch.loop.advance(0.9)
    assert len(connection.expired) == (not waits)
    watch.loop.advance(0.1 + TICK)
    assert len(connection.expired) == 1


def test_a_loop_that_is_always_busy_looks_all_the_same(watch: Watch) -> None:
    """H-17: it is late again, but it has polled its sockets in between."""
    connection = watch.add(1)
    for _ in range(2):
        handle = watch.sweeper._timer
        assert handle is not None
        watch.loop._now = handle.when() + 60
        handle._run()
    assert len(connection.expired) == 1


def test_a_nearer_deadline_needs_haste(watch: Watch) -> None:
    """H-17."""
    connection = watch.add(math.inf)
    connection.deadline = watch.loop.time() + 0.5
    watch.hasten(connection)
    watch.loop.advance(0.5 + TICK)
    assert len(connection.expired) == 1


def test_who_was_hastened_and_is_discarded_is_gone(watch: Watch) -> None:
    """H-20: it is not left behind where it was before."""
    connection = watch.add(60)
    connection.deadline = watch.loop.time() + 0.5
    watch.hasten(connection)
    watch.discard(connection)
    assert not watch.sweeper._buckets


def test_a_deadline_set_by_an_expiry(watch: Watch) -> None:
    """H-17."""
    connection = watch.add(1, again=0.5)
    watch.loop.advance(3)
    assert [time - watch.begin for time in connection.expired] == pytest.approx([1, 1.5, 2, 2.5, 3])


def test_who_is_discarded_does_not_expire(watch: Watch) -> None:
    """H-17: not even by one that expires in the same tick."""
    first, second = watch.add(1), watch.add(1)

    calls: list[float] = []

    def expire(now: float) -> None:
        calls.append(now)
        watch.discard(first)
        watch.discard(second)

    first.then = second.then = expire
    watch.loop.advance(5)
    assert len(calls) == 1
    assert first.check_at == second.check_at == UNWATCHED
    assert watch.wakes() == []
    watch.hasten(first)
    assert watch.wakes() == []


def test_who_hastens_while_it_expires_is_watched_once(watch: Watch) -> None:
    """H-20: and is gone when it is discarded."""
    connection = watch.add(1)

    def expire(now: float) -> None:
        connection.deadline = now + 0.6
        watch.hasten(connection)
        watch.loop._now += 0.2  # time passes while a connection expires

    connection.expire = expire  # type: ignore[method-assign]
    watch.loop.advance(1)
    assert len(watch.sweeper._buckets) == 1
    watch.discard(connection)
    assert not watch.sweeper._buckets


def test_nobody_is_woken_in_vain(watch: Watch) -> None:
    """L-5: no connection, no timer; otherwise one, for the first that is due."""
    assert watch.wakes() == []
    later = watch.add(60)
    assert watch.wakes() == [pytest.approx(SHORTEST, abs=TICK)]
    sooner = watch.add(1)
    assert watch.wakes() == [pytest.approx(1, abs=TICK)]
    watch.discard(later)
    watch.loop.advance(2)
    assert len(sooner.expired) == 1
    watch.discard(sooner)
    watch.loop.advance(3)
    assert watch.wakes() == []


def test_a_closed_sweeper_forgets(watch: Watch) -> None:
    """L-5."""
    connection = watch.add(1)
    watch.sweeper.close()
    assert watch.wakes() == []
    assert not watch.sweeper._buckets
    watch.loop.advance(5)
    assert connection.expired == []
    watch.sweeper.close()


def test_a_closed_sweeper_may_watch_others(watch: Watch) -> None:
    """H-17."""
    watch.add(1)
    watch.sweeper.close()
    connection = watch.add(1)
    watch.loop.advance(1 + TICK)
    assert len(connection.expired) == 1


def test_who_is_due_next_is_looked_at_although_the_first_has_gone(watch: Watch) -> None:
    """H-17."""
    first, second = watch.add(1), watch.add(1.6)

    def expire(now: float) -> None:
        watch.discard(first)

    first.then = expire
    watch.loop.advance(1.6 + TICK)
    assert len(second.expired) == 1


def test_who_is_due_at_the_same_time_shares_a_timer(watch: Watch) -> None:
    """L-5: there is no new one for each connection, nor for one that is due later."""
    for seconds in (1, 1, 1, 60, 60):
        watch.add(seconds)
    assert len(vars(watch.loop)["_scheduled"]) == 1
