"""One turn of the loop does a bounded amount of work, and every waiting connection gets a turn (rule H-22)."""

import asyncio
import math
import socket
from collections.abc import Callable

import pytest

from esg_core.turns import LEAST_ROOM, LONGEST, SHARE, UNCOUNTED, UNITS_A_TURN, PolledStretch, Stretch, TurnBudget
from tests.support.core.loops import run_in, until
from tests.support.installed import LOOPS


class Turns:
    """A loop with only `call_soon()` and a clock; `next()` runs what is due in one turn, and counts it."""

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []
        self.now = 1000.0
        self.budget = TurnBudget(self._due.append, lambda: self.now)

    def next(self) -> int:
        due = self._due[:]
        del self._due[: len(due)]
        for callback in due:
            callback()
        return len(due)


class Connection:
    """Has that much work, in pieces of this size; `done` lists the turns in which it did some."""

    def __init__(self, turns: Turns, work: int, piece: int = 1) -> None:
        self._budget = turns.budget
        self._piece = piece
        self.work = work
        self.spent: list[int] = []

    def go_on(self) -> None:
        room = self._budget.room
        before = self.work
        while self.work > 0 and room > 0:
            room -= self._piece
            self.work -= self._piece
        self.spent.append(before - self.work)
        self._budget.spend(before - self.work)
        if self.work > 0:
            self._budget.wait(self.go_on)


def test_h_22_one_connection_has_one_budget_a_turn() -> None:
    turns = Turns()
    connection = Connection(turns, 2 * UNITS_A_TURN + 1)
    connection.go_on()
    while turns.next():
        pass
    assert connection.spent == [UNITS_A_TURN, UNITS_A_TURN, 1]


def test_h_22_all_connections_share_one_budget_but_for_the_least() -> None:
    """A connection that comes when it is used up may do a little, and waiting ones are served in order."""
    turns = Turns()
    connections = [Connection(turns, UNITS_A_TURN + LEAST_ROOM) for _ in range(3)]
    for connection in connections:
        connection.go_on()
    assert [connection.spent for connection in connections] == [[UNITS_A_TURN], [LEAST_ROOM], [LEAST_ROOM]]
    turns.next()
    assert [connection.spent[1:] for connection in connections] == [[LEAST_ROOM], [UNITS_A_TURN - LEAST_ROOM], []]
    turns.next()
    turns.next()
    assert [connection.work for connection in connections] == [0, 0, 0]
    assert [turns.next(), turns.next()] == [1, 0], "the last one renews what was spent"


def test_h_22_a_long_turn_has_room_for_its_share() -> None:
    """The application keeps the loop busy: the usual work of a turn would be next to nothing of the time."""
    turns = Turns()
    connection = Connection(turns, 100 * UNITS_A_TURN)
    connection.go_on()
    for seconds in (0.2, 0.001, 0.1):
        turns.now += seconds
        turns.next()
    assert connection.spent == [UNITS_A_TURN, 0.2 * SHARE * 1e6, UNITS_A_TURN, 0.1 * SHARE * 1e6]


def test_h_22_time_in_which_nothing_waits_is_no_long_turn() -> None:
    turns = Turns()
    connection = Connection(turns, UNITS_A_TURN)
    connection.go_on()
    turns.next()
    turns.now += 60
    assert turns.budget.room == UNITS_A_TURN
    turns.budget.spend(UNITS_A_TURN)
    turns.next()
    assert turns.budget.room == UNITS_A_TURN


@pytest.mark.parametrize(
    ("took", "times"), [(0.0, 1), (0.04, 1), (0.08, 2), (0.4, 10), (LONGEST, 25), (3600.0, 25), (math.inf, 25)]
)
def test_h_22_the_stretch_of_a_turn(took: float, times: float) -> None:
    """Nothing is gained from a process that stood still."""
    now = [5.0]
    stretch = Stretch(0.01, lambda: now[0])
    assert stretch.times() == 1
    stretch.goes_on()
    now[0] += took
    assert stretch.times() == pytest.approx(times)
    now[0] = 7.0
    assert stretch.times() == 1, "it was asked for this turn"


class Polled:
    """A loop that calls what is due in a turn, and then polls; `work` waits for something to arrive on a socket."""

    def __init__(self) -> None:
        self.now = 5.0
        self._due: list[Callable[[], object]] = []
        self.work = PolledStretch(0.01, lambda: self.now, self._call_soon)

    def _call_soon(self, callback: Callable[..., object], *arguments: object) -> None:
        self._due.append(lambda: callback(*arguments))

    def turn(self, seconds: float) -> None:
        """One that takes so long, up to its poll."""
        due, self._due[:] = self._due[:], []
        for callback in due:
            callback()
        self.now += seconds


def test_h_23_what_arrives_in_the_turn_after_a_full_batch_may_take_more() -> None:
    polled = Polled()
    for seconds in (0.4, 0.2, 0.08):  # each turn polls a full batch
        polled.work.goes_on()
        polled.turn(seconds)
        assert polled.work.times() == pytest.approx(seconds * SHARE / 0.01)


def test_h_23_what_arrives_later_does_not() -> None:
    """The loop had nothing to do in between."""
    polled = Polled()
    polled.work.goes_on()
    polled.turn(0.4)
    polled.turn(0.4)
    assert polled.work.times() == 1


def test_h_22_what_is_little_is_not_counted() -> None:
    turns = Turns()
    for _ in range(1000):
        turns.budget.spend(UNCOUNTED)
    assert turns.budget.room == UNITS_A_TURN
    assert turns.next() == 0
    turns.budget.spend(UNCOUNTED + 1)
    assert turns.budget.room == UNITS_A_TURN - UNCOUNTED - 1
    assert turns.next() == 1
    assert turns.budget.room == UNITS_A_TURN


def test_h_22_more_than_the_budget_in_one_piece_is_not_owed() -> None:
    turns = Turns()
    connection = Connection(turns, 10 * UNITS_A_TURN, piece=5 * UNITS_A_TURN)
    connection.go_on()
    assert turns.budget.room == LEAST_ROOM
    turns.next()
    assert connection.spent == [5 * UNITS_A_TURN] * 2


def test_h_22_the_last_unit_is_another_connections_turn() -> None:
    turns = Turns()
    first, second = Connection(turns, UNITS_A_TURN - 1), Connection(turns, 1)
    turns.budget.wait(first.go_on)
    turns.budget.wait(second.go_on)
    turns.next()
    assert (first.spent, second.spent) == ([UNITS_A_TURN - 1], [1])


def test_h_22_the_budget_is_renewed_once_a_turn() -> None:
    turns = Turns()
    for _ in range(5):
        turns.budget.spend(UNITS_A_TURN)
        turns.budget.wait(lambda: None)
    before = turns.budget.renewals
    assert (turns.next(), turns.budget.renewals) == (1, before + 1)
    assert (turns.next(), turns.budget.renewals) == (0, before + 1)


def test_h_22_to_wait_twice_is_to_wait_once() -> None:
    turns = Turns()
    calls: list[int] = []

    def go_on() -> None:
        calls.append(1)

    turns.budget.wait(go_on)
    turns.budget.wait(go_on)
    turns.next()
    turns.next()
    assert calls == [1]


def test_h_22_one_that_waits_again_comes_in_the_next_turn() -> None:
    """Even if it has spent nothing."""
    turns = Turns()
    calls: list[int] = []

    def go_on() -> None:
        calls.append(1)
        turns.budget.wait(go_on)

    turns.budget.wait(go_on)
    turns.next()
    assert calls == [1]
    turns.next()
    assert calls == [1, 1]


def test_h_22_one_that_has_left_is_not_called() -> None:
    """Neither before its turn, nor if another one ends it."""
    turns = Turns()
    second = Connection(turns, 1)

    def first() -> None:
        turns.budget.leave(second.go_on)

    turns.budget.wait(first)
    turns.budget.wait(second.go_on)
    turns.next()
    turns.budget.leave(second.go_on)
    assert second.spent == []
    assert turns.next() == 0


def test_h_22_one_that_fails_takes_no_turn_from_others() -> None:
    turns = Turns()
    other = Connection(turns, 1)

    def fail() -> None:
        raise ZeroDivisionError

    turns.budget.wait(fail)
    turns.budget.wait(other.go_on)
    with pytest.raises(ZeroDivisionError):
        turns.next()
    turns.next()
    assert other.spent == [1]


@pytest.mark.parametrize("loop", LOOPS)
def test_h_22_between_two_turns_the_loop_looks_at_its_sockets(loop: str) -> None:
    """asyncio calls what it has found behind what was due before, so one turn may come first."""
    turns = 10
    order: list[str] = []

    async def work() -> None:
        running = asyncio.get_running_loop()
        budget = TurnBudget(running.call_soon)
        ours, theirs = socket.socketpair()

        def read() -> None:
            order.append("poll")
            ours.recv(1)

        def go_on() -> None:
            order.append("turn")
            theirs.send(b"x")
            if order.count("turn") < turns:
                budget.wait(go_on)

        with ours, theirs:
            running.add_reader(ours, read)
            budget.wait(go_on)
            await until(lambda: order.count("poll") == turns)
            running.remove_reader(ours)

    run_in(loop, work())
    assert "turn turn turn" not in " ".join(order)
    assert len(order) == 2 * turns
