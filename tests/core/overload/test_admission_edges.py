"""Admission where no other test would notice: slots without a clock, messages, leftovers (A-2, A-6, L-5)."""

import asyncio
import logging
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
    """Timers that will still go off."""
    scheduled: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]
    return len([timer for timer in scheduled if not timer.cancelled()])


def test_a_slot_does_not_wait(loop: ManualLoop) -> None:
    """A-2: a call keeps its slot although the client leaves, until the call ends; timed or not."""
    admission = Admission(loop, 10)
    timed = Request(admission)
    timed.come()
    assert timed.place is not None
    assert (admission.is_waiting, timed.place.is_waiting) == (False, False)


def test_who_waited_too_long_is_told_of_in_the_log(loop: ManualLoop, caplog: pytest.LogCaptureFixture) -> None:
    admission = Admission(loop, 1, queue_size=1, queue_timeout=1)
    first, second = Request(admission), Request(admission)
    assert [first.come(), second.come()] == ["runs", "waits"]
    with caplog.at_level(logging.WARNING, "esg.error"):
        loop.advance(1.1)
    assert [record.getMessage() for record in caplog.records] == [
        "overloaded: the limit of running requests (1) is reached; others get 503 (1 so far)"
    ]
    first.end()


def test_a_drain_leaves_no_timer(loop: ManualLoop) -> None:
    admission = Admission(loop, 1, queue_size=1, queue_timeout=1)
    first, second = Request(admission), Request(admission, name="second")
    assert [first.come(), second.come()] == ["runs", "waits"]
    assert timers(loop) == 1
    admission.drain()
    assert second.events == ["second refused"]
    assert timers(loop) == 0
    admission.drain()
    first.end()


def test_who_comes_after_the_line_was_empty_is_timed_too(loop: ManualLoop) -> None:
    """A-6: a timer that has gone off is not in the way of the next."""
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=1, queue_timeout=1)
    first = Request(admission)
    first.come()
    for _ in range(2):
        assert Request(admission, events, "next").come() == "waits"
        loop.advance(1.1)
    assert events == ["next refused"] * 2
    first.end()


def test_the_timer_waits_as_long_as_the_head_of_the_line_may(loop: ManualLoop) -> None:
    """L-5: no wake-up before there is something to do."""
    admission = Admission(loop, 1, queue_size=2, queue_timeout=5)
    for _ in range(2):
        Request(admission).come()
    (timer,) = vars(loop)["_scheduled"]
    assert timer.when() - loop.time() == pytest.approx(5)
    loop.advance(1)
    Request(admission).come()
    loop.advance(4.5)
    (timer,) = vars(loop)["_scheduled"]
    assert timer.when() - loop.time() == pytest.approx(0.5)


def test_a_loop_that_calls_a_millisecond_early_is_not_asked_again(loop: ManualLoop) -> None:
    """A-6: libuv counts whole milliseconds, so a timer may go off before its time."""
    events: list[str] = []
    admission = Admission(loop, 1, queue_size=1, queue_timeout=5)
    first, second = Request(admission), Request(admission, events, "B")
    assert [first.come(), second.come()] == ["runs", "waits"]
    loop.advance(5 - 0.003)
    admission._expire(5)
    assert events == []
    loop.advance(0.002)
    admission._expire(5)
    assert events == ["B refused"]


def test_a_slot_takes_a_call_to_give_back_while_somebody_waits(loop: ManualLoop) -> None:
    """A-1: all others may be counted down without one, except timed ones."""
    admission = Admission(loop, 1, queue_size=1)
    first, second = Request(admission), Request(admission)
    first.come()
    assert not admission.special
    assert first.place is not None
    assert first.place.special
    second.come()
    assert admission.special
    first.end()
    assert not admission.special
    admission.in_flight -= 1
    assert first.come() == "runs"


def test_only_a_slot_without_a_clock_is_given_one(loop: ManualLoop) -> None:
    """A-7: neither a call without a slot, nor one that is timed from its arrival."""
    admission = Admission(loop, 2)
    none, timed, easy = Request(admission), Request(admission), Request(admission)
    timed.come()
    before = timed.place
    easy.place = admission
    admission.in_flight += 1
    loop.advance(1)
    for request in (none, timed, easy):
        admission.time(request)
    assert (none.place, timed.place) == (None, before)
    loop.advance(2)
    easy.end()
    assert (admission.in_flight, admission.sample_count) == (1, 1)
    assert admission.smoothed_latency == pytest.approx(2)
