"""When figures are published (rule M-1): soon after something, and never while nothing happens."""

import asyncio
from collections.abc import Iterator

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.context import Context
from esg_core.figures.contracts import LoopTotals
from esg_core.figures.lag import WINDOW, WorstLag
from esg_core.figures.publishing import DELAY, Publisher
from esg_core.figures.segment import Segment
from esg_core.testing import ManualLoop
from esg_http.call.cycle import Cycle
from tests.support.figures.counting import Meter, context_in, slot, tally_of
from tests.support.http.streams import DiaryStream


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    with ManualLoop() as loop:
        yield loop


@pytest.fixture
def segment() -> Iterator[Segment]:
    made = Segment.create()
    yield made
    made.close()


def timers(loop: asyncio.AbstractEventLoop) -> int:
    scheduled: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]
    return len([timer for timer in scheduled if not timer.cancelled()])


def published(segment: Segment, name: str) -> float:
    values = segment.read()
    assert values is not None
    return values[slot(name)]


def begin_request(context: Context) -> None:
    """A request begins, and ends at once."""
    stream = DiaryStream(context.loop, is_head=False)
    context.start(Cycle(context, stream, {"type": "http", "method": "GET"}, b"/"), answer)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


def test_m1_an_idle_process_has_no_timer(loop: ManualLoop, segment: Segment) -> None:
    context = context_in(loop)
    Publisher(loop, tally_of(context), segment)
    loop.advance(60)
    assert timers(loop) == 0
    assert segment.read() is not None


def test_m1_what_is_counted_is_published_a_quarter_of_a_second_later(loop: ManualLoop, segment: Segment) -> None:
    context = context_in(loop)
    tally = tally_of(context)
    Publisher(loop, tally, segment)
    tally.has_closed(1000)
    tally.ws_opened += 1
    assert published(segment, "esg_websockets_opened") == 0
    loop.advance(DELAY)
    assert published(segment, "esg_websockets_opened") == 1
    loop.advance(2 * DELAY)
    assert timers(loop) == 0


def test_the_first_request_after_a_pause_arms_the_timer(loop: ManualLoop, segment: Segment) -> None:
    context = context_in(loop)
    Publisher(loop, tally_of(context), segment)
    for _ in range(3):
        begin_request(context)
        assert timers(loop) == 1
        loop.advance(DELAY)
        assert timers(loop) == 1, "the request may end right after the look"
        loop.advance(DELAY)
        assert timers(loop) == 0


def test_the_timer_goes_on_while_requests_follow(loop: ManualLoop, segment: Segment) -> None:
    context = context_in(loop)
    tally = tally_of(context)
    Publisher(loop, tally, segment)
    for number in range(20):
        begin_request(context)
        tally.ws_opened += 1
        loop.advance(DELAY)
        assert published(segment, "esg_websockets_opened") == number + 1


def test_signs_of_life_and_the_end_publish(loop: ManualLoop, segment: Segment) -> None:
    context = context_in(loop)
    tally = tally_of(context)
    publisher = Publisher(loop, tally, segment)
    tally.ws_opened = 1
    publisher.publish()
    assert published(segment, "esg_websockets_opened") == 1
    tally.has_closed(1000)
    tally.ws_opened = 2
    publisher.close()
    publisher.close()
    assert published(segment, "esg_websockets_opened") == 2
    assert timers(loop) == 0
    tally.has_closed(1000)
    assert timers(loop) == 0


def test_without_a_segment_the_loop_is_still_measured(loop: ManualLoop) -> None:
    context = context_in(loop)
    tally = tally_of(context)
    meter = vars(tally)["_meter"]
    assert isinstance(meter, Meter)
    Publisher(loop, tally)
    meter.now = LoopTotals(1.5, 7)
    tally.has_closed(1000)
    loop.advance(DELAY)
    assert tally.values()[slot("esg_event_loop_busy_seconds")] == 1.5
    meter.now = LoopTotals(1.25, 8)  # clocks that are not read at the same moment
    tally.sample()
    assert tally.values()[slot("esg_event_loop_busy_seconds")] == 1.5
    assert tally.values()[slot("esg_event_loop_turns")] == 8


def test_the_worst_lag_of_two_windows_is_shown() -> None:
    lag = WorstLag()
    assert lag.worst(0.0) == 0.0
    lag.note(0.5, 1.0)
    lag.note(0.2, 2.0)
    assert lag.worst(2.0) == 0.5
    lag.note(0.1, 1.0 + WINDOW)
    assert lag.worst(2.0 + WINDOW) == 0.5
    lag.note(0.1, 1.0 + 2 * WINDOW)
    assert lag.worst(1.0 + 2 * WINDOW) == 0.1
    assert lag.worst(1.0 + 3 * WINDOW) == 0.1
    assert lag.worst(1.0 + 4 * WINDOW) == 0.0
