"""W-10: the law by which workers share a queue, without sockets and with a clock that the test turns."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from esg_core.sockets.acceptor import BATCH
from esg_core.sockets.shares import (
    BRIEF,
    BRIEF_MEMORY,
    BRIEF_SLACK,
    MEMORY,
    PATIENCE,
    SLACK,
    STALL,
    STAND_BACK,
    BriefConnections,
    FairShare,
)


class Published:
    """What workers have published; a row that is None does not accept."""

    def __init__(self, counts: Sequence[int | None]) -> None:
        self.counts = list(counts)
        self.come = [0 for _ in counts]

    def held(self) -> list[int]:
        return [0 if count is None else count + 1 for count in self.counts]

    def looks(self) -> list[int]:
        return list(self.come)


class Fleet:
    """Workers that look at one queue every `step` seconds, except for those that are blocked."""

    def __init__(self, counts: Sequence[int], waiting: int, blocked: Sequence[bool] = (), step: float = 0) -> None:
        self.step = step
        self.rows = Published(counts)
        self.waiting = waiting
        self.now = 0.0
        awake = [row for row in range(len(counts)) if row >= len(blocked) or not blocked[row]]
        self.shares = {row: FairShare(self.rows, row) for row in awake}

    @property
    def counts(self) -> list[int]:
        return [count or 0 for count in self.rows.counts]

    def turn(self, order: Sequence[int]) -> int:
        """Each comes once, in that order; returns how many were taken."""
        taken = 0
        for row in sorted(self.shares, key=lambda row: order[row % len(order)]):
            self.rows.come[row] += 1
            if not self.waiting:
                self.shares[row].rest()
                continue
            size = min(self.shares[row].room(self.waiting, self.now), self.waiting, BATCH)
            self.rows.counts[row] = self.counts[row] + size
            self.waiting -= size
            taken += size
        self.now += self.step
        return taken


counts = st.lists(st.integers(0, 200), min_size=1, max_size=12)
orders = st.lists(st.permutations(range(12)), min_size=1, max_size=5)


@given(counts, st.integers(0, 600), orders)
def test_w10_no_worker_takes_more_than_its_share(before: list[int], waiting: int, orders: list[list[int]]) -> None:
    """Whatever they hold before, whichever comes first; and one of them always takes some."""
    fleet = Fleet(before, waiting)
    share = -(-(sum(before) + waiting) // len(before))
    turn = 0
    while fleet.waiting:
        assert fleet.turn(orders[turn % len(orders)]) > 0
        turn += 1
    assert all(after <= max(count, share + SLACK) for count, after in zip(before, fleet.counts, strict=True))
    assert sum(fleet.counts) == sum(before) + waiting


@given(counts, st.integers(1, 600), st.lists(st.booleans(), min_size=11, max_size=11), orders)
def test_w10_no_connection_waits_for_blocked_workers(
    before: list[int], waiting: int, blocked: list[bool], orders: list[list[int]]
) -> None:
    """Something is taken every few milliseconds, and those that are blocked count for 20 at most."""
    fleet = Fleet(before, waiting, [False, *blocked], STAND_BACK)
    pause = round(PATIENCE / STAND_BACK) + 1
    longest = -(-waiting // BATCH) * 2 + round(STALL / STAND_BACK) + pause
    idle = turns = 0
    while fleet.waiting:
        idle = 0 if fleet.turn(orders[turns % len(orders)]) else idle + 1
        assert idle <= pause
        turns += 1
    assert turns <= longest


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_w10_a_worker_that_is_alone_takes_everything(count: int, waiting: int) -> None:
    """Those that do not accept, and rows that belong to none, do not count."""
    rows = Published([None, count, None])
    assert FairShare(rows, 1).room(waiting, 0) >= waiting


def test_w10_a_worker_that_does_not_accept_officially_may_take_what_waits() -> None:
    assert FairShare(Published([5, None]), 1).room(7, 0) >= 7


def test_w10_one_with_more_than_its_share_waits_a_little_then_takes_one_at_a_time() -> None:
    rows = Published([9, 0])
    share = FairShare(rows, 0)
    given_out = []
    for number in range(10):
        rows.come[1] += 1
        given_out.append(share.room(1, number * STAND_BACK))
    assert given_out == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert share.room(1, 9.5 * STAND_BACK) == 0


def test_w10_it_waits_again_once_the_queue_was_empty() -> None:
    share = FairShare(Published([9, 0]), 0)
    assert [share.room(1, 0), share.room(1, PATIENCE)] == [0, 1]
    share.rest()
    assert share.room(1, 10.0) == 0


def test_w10_a_blocked_worker_does_not_count_until_it_comes_again() -> None:
    rows = Published([9, 0])
    share = FairShare(rows, 0)
    assert share.room(5, 0) == 0
    assert share.room(5, STALL) >= 5
    rows.counts[0] = 14
    assert share.room(5, STALL + STAND_BACK) >= 5
    rows.come[1] += 1
    assert share.room(5, STALL + 2 * STAND_BACK) == 0


def test_w10_a_blocked_worker_is_waited_for_again_after_a_while() -> None:
    """It may run by now, and have had no reason to come: the queue was empty."""
    share = FairShare(Published([9, 0]), 0)
    assert share.room(1, 0) == 0
    assert share.room(1, STALL) > 1
    share.rest()
    assert share.room(1, STALL + MEMORY / 2) > 1
    share.rest()
    assert share.room(1, STALL + MEMORY) == 0


def test_w10_one_with_no_more_than_its_share_need_not_stand_back() -> None:
    assert FairShare(Published([2, 0]), 0).room(2, 0) == SLACK == 1


def test_w10_one_that_stands_back_looks_for_blocked_ones_only_while_it_has_too_much() -> None:
    """Its own connections may end meanwhile: then it takes its share, with all the others counted in."""
    for left, waiting, room in ((0, 5, 4), (2, 2, 1), (3, 1, 2)):
        rows = Published([9, 0])
        share = FairShare(rows, 0)
        assert share.room(waiting, 0) == 0
        rows.counts[0] = left
        assert share.room(waiting, STALL) == room


def test_w10_each_has_the_whole_time_to_come() -> None:
    """Those that came before one looked for blocked workers have it once more."""
    rows = Published([9, 0])
    share = FairShare(rows, 0)
    assert share.room(5, 0) == 0
    rows.come[1] += 1
    assert share.room(5, STALL) == 1
    assert share.room(5, STALL + STAND_BACK) == 1
    assert share.room(5, 2 * STALL) >= 5


def test_w10_the_times_of_the_rule() -> None:
    assert (PATIENCE, STAND_BACK, STALL, BRIEF) == (0.004, 0.001, 0.020, 0.050)


def test_w10_one_that_keeps_coming_is_not_blocked() -> None:
    rows = Published([9, 0])
    share = FairShare(rows, 0)
    for number in range(100):
        rows.come[1] += 1
        assert share.room(5, number * STAND_BACK) <= 1


def test_w10_rows_may_be_added_and_cleared_while_one_stands_back() -> None:
    rows = Published([9, 0])
    share = FairShare(rows, 0)
    assert share.room(5, 0) == 0
    rows.counts.append(0)
    rows.come.append(0)
    assert share.room(5, STALL) == 1  # the new one may not be awake yet, and the other one no longer counts
    rows.come[2] += 1
    assert share.room(5, STALL + STAND_BACK) == 1
    del rows.counts[1:], rows.come[1:]
    assert share.room(5, STALL + STAND_BACK) >= 5


def test_w10_a_worker_may_take_more_than_its_share_as_it_is_told() -> None:
    share = FairShare(Published([2, 0, 0, 0]), 0)
    assert share.room(1, 1.0) == 0
    assert share.room(1, 1.0, BRIEF_SLACK) == BRIEF_SLACK - 1


def test_w10_connections_that_do_not_stay_need_not_be_even() -> None:
    """The slack grows by one for each, up to a limit, until there has been none for a while."""
    brief = BriefConnections()
    assert brief.slack(0.0) == SLACK
    brief.ended(0.0, BRIEF)
    assert brief.slack(BRIEF) == SLACK
    now = 10.0
    for number in range(1, 2 * BRIEF_SLACK):
        brief.ended(now, now + BRIEF / 2)
        now += BRIEF / 2
        assert brief.slack(now + BRIEF_MEMORY / 2) == min(SLACK + number, BRIEF_SLACK)
    assert brief.slack(now + 1.01 * BRIEF_MEMORY) == SLACK
    brief.ended(now, now + BRIEF / 2)
    now += BRIEF_MEMORY * 2
    brief.ended(now, now)
    assert brief.slack(now) == SLACK + 1
    late = BriefConnections()
    late.ended(0.0, 0.0)
    assert late.slack(BRIEF_MEMORY) == SLACK
