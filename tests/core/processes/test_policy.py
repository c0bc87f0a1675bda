"""What the parent of workers does next, as a table: no process, no clock (rules W-1 to W-4)."""

import math
from collections.abc import Sequence

import pytest

from esg_core.processes.policy import (
    BEATS,
    BLOCKED_PATIENCE,
    BOOT_PATIENCE,
    ENDS_PER_WORKER,
    ENDS_WINDOW,
    QUICK_END,
    Act,
    Ended,
    Patience,
    State,
    Worker,
    WorkerPolicy,
)

DRAIN = 10.0
BEAT = 5.0


class Story:
    """A policy whose workers are started when it says so, and a clock that the test moves."""

    def __init__(self, target: int, patience: Patience | None = None) -> None:
        self.policy = WorkerPolicy(target, patience or Patience(drain=DRAIN))
        self.now = 1000.0
        self.most = 0
        self._pids = iter(range(1, 10_000))

    def plan(self) -> list[tuple[Act, int]]:
        """What is done now: each act with the process ID of the worker, or the place for a new one."""
        steps = self.policy.plan(self.now)
        done = [(step.act, step.slot if step.worker is None else step.worker.pid) for step in steps]
        for act, place in done:
            if act is Act.START:
                self.policy.started(next(self._pids), place, self.now)
                self.now += 0.001
        self.most = max(self.most, len(self.policy.workers))
        return done

    def worker(self, pid: int) -> Worker:
        (found,) = [worker for worker in self.policy.workers if worker.pid == pid]
        return found

    def ready(self, *pids: int) -> None:
        for pid in pids:
            self.policy.is_ready(self.worker(pid), self.now)

    def end(self, pid: int, code: int = 0) -> Ended:
        return self.policy.ended(self.worker(pid), code, self.now)

    def sleep(self) -> float:
        """Advance to the time at which the policy wants to be asked again; returns how long that took."""
        wakes_at = self.policy.wakes_at(self.now)
        slept, self.now = wakes_at - self.now, wakes_at
        return slept


def serving(target: int, patience: Patience | None = None) -> Story:
    """A policy whose workers are all ready."""
    story = Story(target, patience)
    assert story.plan() == [(Act.START, slot) for slot in range(target)]
    story.ready(*range(1, target + 1))
    assert story.plan() == []
    return story


def closing(*pids: int) -> list[tuple[Act, int]]:
    """The plan at a stop: all end, and know it."""
    return [*((Act.HURRY, pid) for pid in pids), *((Act.CLOSE, pid) for pid in pids)]


# W-1: as many as configured.


def test_w1_workers_that_serve_leave_nothing_to_do() -> None:
    """L-5."""
    story = serving(3)
    assert story.policy.wakes_at(story.now) == math.inf


def test_w1_a_dead_worker_is_replaced_at_once_at_its_place() -> None:
    story = serving(3)
    assert story.end(2, -9) == Ended(is_wanted=False)
    assert story.plan() == [(Act.START, 1)]


def test_w1_who_keeps_dying_is_started_after_longer_and_longer_pauses() -> None:
    story = serving(4)
    pauses = []
    for pid in range(1, 12):
        ended = story.end(pid, 1)
        pauses.append(ended.pause)
        if ended.pause:
            assert story.sleep() == pytest.approx(ended.pause)
        assert story.plan() == [(Act.START, (pid - 1) % 4)]
    assert pauses == pytest.approx([0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 5])


def test_w1_pauses_begin_anew_after_a_worker_that_has_served_for_a_while() -> None:
    story = serving(2)
    assert [story.end(pid, 1).pause for pid in (1, 2)] == [0, 0.1]
    story.sleep()
    story.plan()
    story.ready(3, 4)
    story.now += QUICK_END
    assert [story.end(pid, 1).pause for pid in (3, 4)] == [0, 0]


@pytest.mark.parametrize(("code", "expected"), [(3, 3), (2, 2), (1, 3), (0, 3), (-11, 3)])
def test_w1_a_failure_before_the_first_is_ready_ends_everything(code: int, expected: int) -> None:
    story = Story(3)
    story.plan()
    assert story.end(2, code) == Ended(is_wanted=False, is_boot_failure=True)
    assert story.policy.code == expected
    assert story.plan() == closing(1, 3)
    assert story.sleep() == BOOT_PATIENCE
    assert story.plan() == [(Act.KILL, 1), (Act.KILL, 3)]
    story.end(1, -9)
    story.end(3, 3)
    assert (story.policy.is_over, story.policy.code) == (True, expected)


def test_w1_a_failure_after_that_is_tried_again() -> None:
    story = Story(2)
    story.plan()
    story.ready(1)
    assert story.end(2, 3) == Ended(is_wanted=False, is_boot_failure=True)
    assert story.plan() == [(Act.START, 1)]


def test_w1_too_many_ends_in_a_minute_end_everything() -> None:
    story = serving(2)
    for pid in range(1, ENDS_PER_WORKER * 2):
        story.end(pid, 1)
        story.now += 5
        story.plan()
        story.ready(pid + 2)
        assert story.policy.code is None
    story.end(10, 1)
    assert story.policy.code == 1
    assert "10 workers ended unexpectedly" in story.policy.gave_up
    assert story.plan() == closing(11)


def test_w1_ends_over_a_longer_time_do_not() -> None:
    story = serving(1)
    for pid in range(1, 30):
        story.end(pid, 1)
        story.now += ENDS_WINDOW / (ENDS_PER_WORKER - 1)
        story.plan()
        story.ready(pid + 1)
    assert story.policy.code is None


def test_w1_what_cannot_be_started_is_tried_again_unless_it_is_the_beginning() -> None:
    story = serving(1)
    story.end(1, 1)
    story.policy.not_started(story.now)
    assert story.sleep() == pytest.approx(0.1)
    assert story.plan() == [(Act.START, 0)]
    new = WorkerPolicy(1, Patience())
    new.not_started(0)
    assert (new.code, new.is_over) == (3, True)


def test_w1_what_cannot_start_does_not_end_what_serves() -> None:
    """Neither a failed start nor a process that cannot be created; both are retried after longer and longer pauses."""
    story = serving(2)
    story.policy.resize(3)
    pauses = []
    for pid in range(3, 40):
        story.plan()
        pauses.append(story.end(pid, 3).pause)
        story.policy.not_started(story.now)
        story.sleep()
    assert (story.policy.code, max(pauses), pauses[-1]) == (None, 5, 5)


def test_w1_where_nobody_serves_it_does() -> None:
    story = serving(1)
    story.end(1, 1)
    while story.policy.code is None:
        if story.plan():
            story.end(story.policy.workers[0].pid, 3)
        else:
            story.sleep()
    assert story.policy.code == 1
    assert "5 workers ended unexpectedly" in story.policy.gave_up


# W-2: heartbeats.


def test_w2_a_worker_without_signs_of_life_is_dumped_retired_killed_and_replaced() -> None:
    story = serving(2, Patience(drain=DRAIN, beat=BEAT))
    story.now += 2
    story.policy.beats(story.worker(2), story.now)
    assert story.sleep() == pytest.approx(BEAT * (1 + 1 / BEATS) - 2)
    assert story.plan() == [(Act.DUMP, 1), (Act.RETIRE, 1), (Act.START, 0)]
    story.now += BLOCKED_PATIENCE
    story.policy.beats(story.worker(2), story.now)
    assert story.plan() == [(Act.KILL, 1)]
    assert story.end(1, -9) == Ended(is_wanted=False)


def test_w2_it_counts_as_an_end_that_nobody_wanted_even_if_it_ends_by_itself() -> None:
    story = serving(1, Patience(beat=BEAT))
    story.sleep()
    story.plan()
    assert not story.end(1, 0).is_wanted


def test_w2_a_start_may_take_as_long_as_it_does() -> None:
    story = Story(1, Patience(beat=BEAT))
    story.plan()
    assert story.policy.wakes_at(story.now) == math.inf
    story.now += 1000
    assert story.plan() == []


def test_w2_nobody_is_blamed_for_time_in_which_the_parent_did_not_run_either() -> None:
    story = serving(2, Patience(drain=DRAIN, beat=BEAT))
    story.now += 1000
    story.policy.was_suspended(story.now)
    assert story.plan() == []
    assert story.sleep() > BEAT


# W-3: all new, more, fewer.


def renewed(story: Story) -> list[tuple[Act, int]]:
    """Renew all workers, and return what was done; each new one becomes ready, each old one ends."""
    done: list[tuple[Act, int]] = []
    story.policy.renew()
    while steps := story.plan():
        done += steps
        for act, number in steps:
            if act is Act.RETIRE:
                story.end(number)
        story.ready(*(worker.pid for worker in story.policy.workers if worker.state is State.STARTING))
    return done


@pytest.mark.parametrize("target", [1, 3])
def test_w3_workers_are_renewed_one_by_one_each_when_its_successor_is_ready(target: int) -> None:
    story = serving(target)
    steps = renewed(story)
    assert [act for act, _ in steps] == [Act.START, Act.RETIRE] * target
    assert [number for act, number in steps if act is Act.RETIRE] == list(range(1, target + 1))
    assert story.most == target + 1
    assert [worker.generation for worker in story.policy.workers] == [1] * target


def test_w3_the_next_exchange_begins_when_the_former_worker_has_gone() -> None:
    story = serving(2)
    story.policy.renew()
    assert story.plan() == [(Act.START, 0)]
    assert story.plan() == []
    story.ready(3)
    assert story.plan() == [(Act.RETIRE, 1)]
    assert story.plan() == []
    assert story.end(1, 1) == Ended(is_wanted=True)
    assert story.plan() == [(Act.START, 1)]


def test_w3_a_renewal_whose_first_worker_fails_is_given_up() -> None:
    story = serving(2)
    story.policy.renew()
    story.plan()
    assert story.end(3, 3) == Ended(is_wanted=False, is_boot_failure=True, has_ended_renewal=True)
    assert (story.plan(), story.policy.is_renewing) == ([], False)
    assert story.policy.failed_generation == story.policy.generation == 1
    assert len(renewed(story)) == 4, "another attempt succeeds"


def test_w3_a_later_failure_of_a_renewal_is_tried_again() -> None:
    story = serving(2)
    story.policy.renew()
    story.plan()
    story.ready(3)
    assert story.plan() == [(Act.RETIRE, 1)]
    story.end(1)
    assert story.plan() == [(Act.START, 1)]
    assert not story.end(4, 3).has_ended_renewal
    assert story.plan() == [(Act.START, 1)]


def test_w9_a_renewal_is_on_trial_until_its_first_worker_is_ready() -> None:
    story = serving(1)
    assert (story.policy.is_proven, story.policy.is_renewing) == (True, False)
    story.policy.renew()
    story.plan()
    assert (story.policy.is_proven, story.policy.is_renewing) == (False, True)
    story.ready(2)
    assert (story.policy.is_proven, story.policy.is_renewing) == (True, True)
    story.plan()
    story.end(1)
    assert (story.policy.is_proven, story.policy.is_renewing) == (True, False)


def test_w9_a_renewal_is_given_up_also_if_the_former_workers_have_died_meanwhile() -> None:
    """The next one is started like those, and is no trial."""
    story = serving(1)
    story.policy.renew()
    story.plan()
    story.end(1, -9)
    assert story.policy.is_renewing
    assert story.end(2, 3).has_ended_renewal
    assert (story.policy.failed_generation, story.policy.is_renewing) == (1, False)
    assert story.plan() == [(Act.START, 0)]
    assert not story.end(3, 3).has_ended_renewal


def test_w9_other_workers_of_a_renewal_that_is_given_up_are_replaced() -> None:
    story = serving(2)
    story.policy.renew()
    story.plan()
    story.end(2, -9)
    assert story.plan() == [(Act.START, 1)]
    assert story.end(3, 3).has_ended_renewal
    story.ready(4)
    assert story.plan() == [(Act.START, 1)]
    story.ready(5)
    assert story.plan() == [(Act.RETIRE, 4)]
    story.end(4)
    assert (story.plan(), [worker.pid for worker in story.policy.workers]) == ([], [1, 5])


def test_w9_each_worker_has_the_patience_of_its_own_options() -> None:
    """Former workers send heartbeats as rarely as they were told to, and may drain as long."""
    story = serving(2, Patience(drain=DRAIN, beat=BEAT))
    story.policy.patience = Patience(drain=1, beat=0.1)
    story.policy.renew()
    assert story.plan() == [(Act.START, 0)]
    story.now += BEAT / 2
    assert story.plan() == []
    story.ready(3)
    assert story.plan() == [(Act.RETIRE, 1)]
    assert story.worker(1).kill_at == story.now + DRAIN
    assert story.policy.longest_drain == DRAIN
    story.now += 0.2
    assert story.plan() == [(Act.DUMP, 3), (Act.RETIRE, 3), (Act.START, 0)]


def test_w3_who_dies_during_a_renewal_is_replaced_too() -> None:
    story = serving(3)
    story.policy.renew()
    story.plan()
    story.end(2, -9)
    assert story.plan() == [(Act.START, 1)]
    story.ready(4)
    assert story.plan() == [(Act.RETIRE, 1)]
    story.end(1)
    assert story.plan() == [(Act.START, 2)], "the other one at that place is new already"
    assert story.most == 4


def test_w3_two_renewals_at_once_are_the_later_one() -> None:
    story = serving(1)
    story.policy.renew()
    story.plan()
    story.policy.renew()
    story.ready(2)
    assert story.plan() == [(Act.RETIRE, 1)]
    story.end(1)
    assert story.plan() == [(Act.START, 0)]
    story.ready(3)
    assert story.plan() == [(Act.RETIRE, 2)]


def test_w3_more_and_fewer_workers() -> None:
    story = serving(2)
    story.policy.resize(3)
    assert story.plan() == [(Act.START, 2)]
    story.ready(3)
    story.policy.resize(1)
    assert story.plan() == [(Act.CLOSE, 2), (Act.CLOSE, 3)]
    story.policy.resize(0)
    assert (story.policy.target, story.plan()) == (1, [])


def test_w3_fewer_workers_during_an_exchange() -> None:
    """Both of the place go, and the rest is renewed."""
    story = serving(2)
    story.policy.is_due(story.worker(2), "a limit", story.now)
    assert story.plan() == [(Act.START, 1)]
    story.policy.resize(1)
    assert story.plan() == [(Act.CLOSE, 2), (Act.CLOSE, 3)]
    story.policy.renew()
    assert story.plan() == []
    story.end(2)
    story.end(3)
    assert story.plan() == [(Act.START, 0)]


# W-4: recycling.


def due(story: Story, *pids: int) -> None:
    for pid in pids:
        story.policy.is_due(story.worker(pid), "a limit", story.now)


def test_w4_workers_at_their_limit_are_exchanged_one_by_one_and_serve_until_then() -> None:
    story = serving(2)
    due(story, 1, 2)
    assert story.plan() == [(Act.START, 0)]
    story.ready(3)
    assert story.plan() == [(Act.RETIRE, 1)]
    assert story.plan() == []
    assert story.end(1) == Ended(is_wanted=True)
    assert story.plan() == [(Act.START, 1)]
    story.ready(4)
    assert story.plan() == [(Act.RETIRE, 2)]


def test_w4_recycling_is_no_end_that_counts() -> None:
    story = serving(1)
    for pid in range(1, 50):
        due(story, pid)
        assert story.plan() == [(Act.START, 0)]
        story.ready(pid + 1)
        assert story.plan() == [(Act.RETIRE, pid)]
        assert story.end(pid).is_wanted
    assert story.policy.code is None


def test_w4_age() -> None:
    story = Story(2, Patience(drain=DRAIN, lifetime=60))
    story.plan()
    story.ready(1, 2)
    assert story.sleep() == pytest.approx(60, abs=0.1)
    assert story.plan() == [(Act.START, 0)]
    assert [story.worker(pid).due for pid in (1, 2, 3)] == ["it has reached its maximum lifetime", "", ""]


def test_w4_a_wish_waits_a_moment() -> None:
    """A signal to all processes of a service reaches a worker before its parent."""
    story = serving(1)
    story.policy.is_due(story.worker(1), "it was asked to end", story.now + 0.2)
    assert story.plan() == []
    assert story.sleep() == pytest.approx(0.2)
    assert story.plan() == [(Act.START, 0)]


def test_w4_a_worker_that_does_not_drain_in_time_is_killed() -> None:
    story = serving(1)
    due(story, 1)
    story.plan()
    story.ready(2)
    story.plan()
    assert story.sleep() == DRAIN
    assert story.plan() == [(Act.KILL, 1)]
    assert story.end(1, -9) == Ended(is_wanted=True)


# The end.


def stopped(story: Story, codes: Sequence[int]) -> int | None:
    for pid, code in enumerate(codes, 1):
        assert story.end(pid, code).is_wanted
    assert story.policy.is_over
    return story.policy.code


def test_l2_all_are_asked_and_a_clean_end_is_0() -> None:
    story = serving(3)
    story.policy.stop(story.now)
    assert story.plan() == closing(1, 2, 3)
    assert story.plan() == []
    assert stopped(story, [0, 0, 0]) == 0


@pytest.mark.parametrize("others_serve", [False, True], ids=["stop", "new program"])
def test_l2_a_worker_that_leaves_already_hears_that_all_end(others_serve: bool) -> None:
    """Unless another program serves its clients."""
    story = serving(2)
    story.policy.resize(1)
    assert story.plan() == [(Act.CLOSE, 2)]
    story.policy.stop(story.now, others_serve=others_serve)
    assert story.plan() == ([(Act.CLOSE, 1)] if others_serve else [(Act.HURRY, 1), (Act.HURRY, 2), (Act.CLOSE, 1)])
    assert story.plan() == []


def test_l2_who_does_not_end_in_time_is_killed_and_the_code_is_1() -> None:
    story = serving(2)
    story.policy.stop(story.now)
    story.plan()
    story.end(2)
    assert story.sleep() == DRAIN
    assert story.plan() == [(Act.KILL, 1)]
    assert stopped(story, [-9]) == 1


def test_l2_an_end_by_force_of_one_worker_is_one_of_the_server() -> None:
    story = serving(2)
    story.policy.stop(story.now)
    story.plan()
    assert stopped(story, [1, 0]) == 1


@pytest.mark.parametrize(
    ("code", "is_ready", "expected"), [(-15, False, 0), (-15, True, 1), (-9, False, 1), (-9, True, 1), (3, False, 1)]
)
def test_c2_a_worker_that_dies_before_it_handles_signals_has_ended_as_asked(
    code: int, is_ready: bool, expected: int
) -> None:
    story = Story(1)
    story.plan()
    if is_ready:
        story.ready(1)
    story.policy.stop(story.now)
    story.plan()
    assert story.end(1, code) == Ended(is_wanted=True, is_clean=expected == 0)
    assert story.policy.code == expected


def test_l2_at_once() -> None:
    story = serving(2)
    story.policy.stop(story.now)
    story.plan()
    story.policy.stop_at_once()
    assert story.plan() == [(Act.KILL, 1), (Act.KILL, 2)]
    assert stopped(story, [-9, -9]) == 1


def test_l2_without_a_limit_nobody_is_killed() -> None:
    story = serving(1, Patience())
    story.policy.stop(story.now)
    story.plan()
    assert story.policy.wakes_at(story.now) == math.inf


def test_w1_nobody_is_started_any_more_at_the_end() -> None:
    story = serving(2)
    story.end(1, -9)
    story.policy.stop(story.now)
    assert story.plan() == closing(2)
    assert story.end(2, 0).is_wanted
