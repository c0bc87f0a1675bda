"""Slots and the line before them (rules A-1, A-2, A-6)."""

import asyncio
import gc
import logging
import math
import time
from collections.abc import Iterator

import pytest

from esg_core.overload.admission import Admission
from esg_core.testing import ManualLoop
from tests.support.core.admission import Request


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    with ManualLoop() as loop:
        yield loop


def timers(loop: asyncio.AbstractEventLoop) -> int:
    scheduled: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]
    return len(scheduled)


def test_so_many_run_and_the_next_is_refused(loop: ManualLoop) -> None:
    admission = Admission(loop, 2)
    first, second, third = (Request(admission) for _ in range(3))
    assert [first.come(), second.come(), third.come()] == ["runs", "runs", "refused"]
    first.end()
    assert third.come() == "runs"
    assert (admission.in_flight, admission.peak, admission.rejected) == (2, 2, 1)


def test_all_slots_come_back(loop: ManualLoop) -> None:
    """A-2."""
    admission = Admission(loop, 1000)
    requests = [Request(admission) for _ in range(1000)]
    for request in requests:
        assert request.come() == "runs"
    for request in requests:
        request.end()
    assert (admission.in_flight, admission.peak) == (0, 1000)


def test_a_slot_goes_to_the_head_of_the_line(loop: ManualLoop) -> None:
    """A-6: in the order of arrival; a request that arrives at the same moment goes behind them."""
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=3)
    a, b, c, d = (Request(admission, events, name) for name in "ABCD")
    assert [a.come(), b.come(), c.come()] == ["runs", "waits", "waits"]
    a.end()
    assert d.come() == "waits"
    assert (admission.in_flight, admission.queued, events) == (1, 2, ["B runs"])
    b.end()
    c.end()
    d.end()
    assert events == ["B runs", "C runs", "D runs"]
    assert (admission.in_flight, admission.queued, admission.queued_total) == (0, 0, 3)


def test_a_full_line_takes_nobody(loop: ManualLoop) -> None:
    admission = Admission(loop, 1, queue_size=2)
    assert [Request(admission).come() for _ in range(5)] == ["runs", "waits", "waits", "refused", "refused"]


def test_a_full_line_is_shared_by_connections(loop: ManualLoop) -> None:
    """A-6: who gives way gets the answer that the newcomer would have had, and slots are given out in turns."""
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=3)
    running, other = Request(admission), Request(admission, events, "other")
    greedy = [Request(admission, events, f"greedy {number}", "one connection") for number in range(4)]
    assert running.come() == "runs"
    assert [one.come() for one in greedy] == ["waits", "waits", "waits", "refused"]
    assert other.come() == "waits"
    assert events == ["greedy 2 refused"]
    assert (admission.queued, admission.rejected, admission.refused["queue_full"]) == (3, 2, 2)
    assert greedy[3].come() == "refused"
    for one in (running, greedy[0], other):
        one.end()
    assert events[1:] == ["greedy 0 runs", "other runs", "greedy 1 runs"]


def test_nobody_gives_way_while_there_is_room(loop: ManualLoop) -> None:
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=4)
    assert Request(admission).come() == "runs"
    greedy = [Request(admission, events, "greedy", "one connection") for _ in range(3)]
    assert [one.come() for one in (*greedy, Request(admission, events, "other"))] == ["waits"] * 4
    assert events == []


def test_who_gives_way_is_told_of_in_the_log(loop: ManualLoop, caplog: pytest.LogCaptureFixture) -> None:
    admission = Admission(loop, 1, queue_size=2)
    assert Request(admission).come() == "runs"
    assert [Request(admission, connection="one").come() for _ in range(2)] == ["waits", "waits"]
    with caplog.at_level(logging.WARNING, "esg.error"):
        assert Request(admission).come() == "waits"
    assert [record.getMessage() for record in caplog.records] == [
        "overloaded: the limit of running requests (1) is reached; others get 503 (1 so far)"
    ]


def test_how_long_each_has_waited_is_told(loop: ManualLoop) -> None:
    """A-7: whether it is admitted or refused in the end; one that leaves has not waited for anything."""
    waits: list[float] = []
    admission = Admission(loop, 1, queue_size=3, queue_timeout=5)
    admission.on_waited = waits.append
    runs, admitted, leaves, late = (Request(admission) for _ in range(4))
    assert [one.come() for one in (runs, admitted, leaves, late)] == ["runs", "waits", "waits", "waits"]
    loop.advance(2)
    runs.end()
    admission.leave(leaves)
    loop.advance(3)
    assert waits == [pytest.approx(2), pytest.approx(5)]


def test_after_a_drain_it_is_the_drain_that_refuses(loop: ManualLoop) -> None:
    """M-1."""
    admission = Admission(loop, 1, queue_size=2)
    assert [Request(admission).come() for _ in range(2)] == ["runs", "waits"]
    admission.drain()
    assert Request(admission).come() == "refused"
    assert (admission.refused["draining"], admission.refused["queue_full"]) == (2, 0)


def test_a_saturated_loop_displaces_nobody(loop: ManualLoop) -> None:
    admission = Admission(loop, 1, queue_size=2)
    assert Request(admission).come() == "runs"
    assert [Request(admission, connection="one").come() for _ in range(2)] == ["waits", "waits"]
    admission.saturated = True
    assert (Request(admission).come(), admission.queued) == ("refused", 2)


def test_a_line_without_places(loop: ManualLoop) -> None:
    admission = Admission(loop, 1, queue_size=0)
    assert [Request(admission).come() for _ in range(2)] == ["runs", "refused"]


def test_who_waits_too_long_is_refused(loop: ManualLoop) -> None:
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=9, queue_timeout=5)
    assert Request(admission).come() == "runs"
    for name, pause in (("A", 2.0), ("B", 2.5), ("C", 0.0)):
        assert Request(admission, events, name).come() == "waits"
        loop.advance(pause)
    assert events == []
    loop.advance(0.5)
    assert events == ["A refused"]
    loop.advance(1.9)
    assert events == ["A refused"]
    loop.advance(10)
    assert events == ["A refused", "B refused", "C refused"]
    assert (admission.queue_timeouts, admission.rejected, admission.queued) == (3, 3, 0)


def test_without_a_timeout_they_wait_as_long_as_it_takes(loop: ManualLoop) -> None:
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=1, queue_timeout=math.inf)
    runs = Request(admission)
    assert [runs.come(), Request(admission, events, "A").come()] == ["runs", "waits"]
    loop.advance(1e6)
    runs.end()
    assert events == ["A runs"]
    assert timers(loop) == 0


def test_there_is_one_timer_however_many_wait(loop: ManualLoop) -> None:
    admission = Admission(loop, 1, queue_size=1000, queue_timeout=5)
    for _ in range(500):
        Request(admission).come()
        loop.advance(0.001)
    assert timers(loop) == 1
    loop.advance(20)
    assert timers(loop) == 0


def test_who_leaves_gives_his_place_to_another(loop: ManualLoop) -> None:
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=2)
    a, b, c, d = (Request(admission, events, name) for name in "ABCD")
    assert [request.come() for request in (a, b, c)] == ["runs", "waits", "waits"]
    admission.leave(b)
    assert (admission.queued, admission.queue_disconnects) == (1, 1)
    assert d.come() == "waits"
    a.end()
    c.end()
    assert events == ["C runs", "D runs"]


def test_to_leave_when_one_does_not_wait_does_nothing(loop: ManualLoop) -> None:
    admission = Admission(loop, 1, queue_size=2)
    request = Request(admission)
    request.come()
    admission.leave(request)
    assert (admission.in_flight, admission.queue_disconnects) == (1, 0)


def test_a_saturated_loop_lets_nobody_wait(loop: ManualLoop) -> None:
    """Requests that already wait go on waiting."""
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=9)
    a, b = Request(admission, events, "A"), Request(admission, events, "B")
    assert [a.come(), b.come()] == ["runs", "waits"]
    admission.saturated = True
    assert Request(admission).come() == "refused"
    a.end()
    assert events == ["B runs"]
    b.end()
    assert Request(admission).come() == "runs"


def test_a_lower_limit_lets_nobody_in_until_enough_have_ended(loop: ManualLoop) -> None:
    """A-1."""
    events: list[str] = []
    admission = Admission(loop, 4, queue_size=9)
    running = [Request(admission) for _ in range(4)]
    for request in running:
        request.come()
    waiting = Request(admission, events, "A")
    assert waiting.come() == "waits"
    admission.begin_window(2)
    running[0].end()
    running[1].end()
    assert events == []
    running[2].end()
    assert events == ["A runs"]
    assert (admission.in_flight, admission.limit) == (2, 2)


def test_a_higher_limit_lets_those_in_who_wait(loop: ManualLoop) -> None:
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=9)
    for name in "ABCD":
        Request(admission, events, name).come()
    admission.begin_window(3)
    assert (events, admission.queued, admission.peak) == (["B runs", "C runs"], 1, 3)


def test_a_window_begins_with_what_runs_as_its_peak(loop: ManualLoop) -> None:
    admission = Admission(loop, 9)
    requests = [Request(admission) for _ in range(5)]
    for request in requests:
        request.come()
    for request in requests[:3]:
        request.end()
    assert admission.peak == 5
    admission.begin_window(9)
    assert admission.peak == 2


def test_a_drain_refuses_all_who_wait_and_who_come_over_the_limit(loop: ManualLoop) -> None:
    """L-2: within the limit, the server serves requests that still come."""
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=9, queue_timeout=5)
    running = Request(admission)
    running.come()
    for name in "AB":
        Request(admission, events, name).come()
    admission.drain()
    admission.drain()
    assert events == ["A refused", "B refused"]
    assert Request(admission).come() == "refused"
    running.end()
    assert Request(admission).come() == "runs"
    loop.settle()
    assert admission.queue_timeouts == 0


def test_latency_is_smoothed(loop: ManualLoop) -> None:
    """A-7: the first sample counts in full, each further one by its weight, a fifth by default."""
    admission = Admission(loop, 9)
    assert (admission.smoothed_latency, admission.sample_count) == (0.0, 0)
    for seconds in (1.0, 2.0):
        request = Request(admission)
        request.come()
        loop.advance(seconds)
        request.end()
    assert admission.sample_count == 2
    assert admission.smoothed_latency == pytest.approx(0.8 * 1.0 + 0.2 * 2.0)


@pytest.mark.parametrize("limit", [1, 5])
def test_below_what_counts_as_easy_neither_the_limit_nor_the_peak_changes(limit: int, loop: ManualLoop) -> None:
    """A-1: so that counting without a call can do no harm."""
    admission = Admission(loop, limit, queue_size=5)
    running = [Request(admission) for _ in range(7)]
    for request in running:
        request.come()
        assert admission.easy == min(admission.limit, admission.peak)
    for request in running[:limit]:
        request.end()
        assert admission.easy == min(admission.limit, admission.peak)
    admission.begin_window(3)
    assert admission.easy == min(3, admission.peak)


def test_latency_counts_the_time_in_the_line(loop: ManualLoop) -> None:
    admission = Admission(loop, 1, queue_size=1, smoothing=1)
    first, second = Request(admission), Request(admission)
    first.come()
    second.come()
    loop.advance(3)
    first.end()
    loop.advance(1)
    second.end()
    assert admission.smoothed_latency == pytest.approx(4)


def test_the_log_tells_of_refusals_now_and_then(loop: ManualLoop, caplog: pytest.LogCaptureFixture) -> None:
    admission = Admission(loop, 1)
    with caplog.at_level(logging.WARNING, "esg.error"):
        for _ in range(3):
            for _ in range(50):
                Request(admission).come()
            loop.advance(9.9)
            for _ in range(50):
                Request(admission).come()
            loop.advance(0.1)
    assert {record.name for record in caplog.records} == {"esg.error"}
    assert [record.getMessage() for record in caplog.records] == [
        f"overloaded: the limit of running requests (1) is reached; others get 503 ({count} so far)"
        for count in (1, 100, 200)
    ]


def test_ten_thousand_who_wait_in_vain_leave_nothing_behind(loop: ManualLoop) -> None:
    admission = Admission(loop, 1, queue_size=100, queue_timeout=1)
    Request(admission).come()
    for _ in range(100):
        for _ in range(100):
            assert Request(admission).come() == "waits"
        loop.advance(1.01)
    gc.collect()
    alive = [thing for thing in gc.get_objects() if type(thing) is Request]
    assert (admission.queue_timeouts, admission.queued, timers(loop), len(alive)) == (10_000, 0, 0, 0)


def test_leaving_a_long_line_takes_no_longer(loop: ManualLoop) -> None:
    """From any position: clients that can make the line long must not make it slow."""
    admission = Admission(loop, 1, queue_size=200_000)
    waiting = [Request(admission) for _ in range(100_000)]
    for request in waiting:
        request.come()
    began = time.process_time()
    for request in waiting[1::2]:
        admission.leave(request)
    for request in waiting[2::2]:
        admission.leave(request)
    assert time.process_time() - began < 2
    assert admission.queued == 0
