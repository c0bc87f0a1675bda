"""The limit follows the load, window after window (rules A-4 and A-5)."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from esg_core.context import Context
from esg_core.errors import UsageError
from esg_core.lifecycle.assembly import install_admission
from esg_core.options.config import Config
from esg_core.overload.admission import Admission, Place
from esg_core.overload.aimd import AIMD, Window
from esg_core.overload.backpressure import Backpressure
from esg_core.overload.loop_load import Reading
from esg_core.testing import ManualLoop


class Meter:
    """Reads what a test has set."""

    source = "test"

    def __init__(self) -> None:
        self.utilisation = 0.0
        self.readings = 0

    def read(self) -> Reading:
        self.readings += 1
        return Reading(self.utilisation, 0.01)


class Request:
    """A request to which nothing happens."""

    connection = "its own"
    place: Place | None = None

    def admit(self, place: Place) -> None:
        raise AssertionError

    def refuse(self) -> None:
        raise AssertionError


class Server:
    """An admission with its backpressure, on a clock that stands still."""

    def __init__(self, loop: ManualLoop, limit: int = 10, window: float = 1.0) -> None:
        self.loop = loop
        self.meter = Meter()
        self.admission = Admission(loop, limit, queue_size=5)
        self.backpressure = Backpressure(
            loop, self.admission, self.meter, AIMD(1, limit, 0.95), window=window, elu_max=0.95
        )
        self.backpressure.start()

    def load(self, requests: int) -> None:
        for _ in range(requests):
            self.admission.enter(Request())

    def limits(self, windows: int, utilisation: float) -> list[int]:
        self.meter.utilisation = utilisation
        seen = []
        for _ in range(windows):
            self.loop.advance(1)
            seen.append(self.admission.limit)
        return seen


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    with ManualLoop() as loop:
        yield loop


def test_the_limit_falls_in_an_overload_and_recovers(loop: ManualLoop) -> None:
    server = Server(loop)
    server.load(10)
    assert server.limits(4, utilisation=1.0) == [9, 8, 7, 6]
    assert server.limits(3, utilisation=0.3) == [9, 10, 10]


def test_a_window_counts_its_own_peak(loop: ManualLoop) -> None:
    """Ten requests that ended a window ago are not to blame."""
    server = Server(loop)
    requests = [Request() for _ in range(10)]
    for request in requests:
        server.admission.enter(request)
    for request in requests:
        assert request.place is not None
        request.place.release()
    assert server.limits(2, utilisation=1.0) == [9, 9]
    assert server.backpressure.last.peak == 0


@pytest.mark.parametrize(("utilisation", "saturated"), [(0.94, False), (0.95, False), (0.951, True), (1.0, True)])
def test_the_line_is_closed_above_the_threshold(utilisation: float, saturated: bool, loop: ManualLoop) -> None:
    """A-6: at exactly the threshold the limit falls (A-4), but requests may still wait."""
    server = Server(loop)
    server.limits(1, utilisation)
    assert server.admission.saturated is saturated
    server.limits(1, 0.5)
    assert server.admission.saturated is False


def test_lag_is_time_that_the_loop_was_busy(loop: ManualLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the meter does not see it: a window of 1 s that ends 3 s late is three quarters busy."""
    server = Server(loop)
    loop.advance(0.5)
    server.meter.utilisation = 0.1
    vars(loop)["_now"] += 3.5
    loop.settle()
    assert server.backpressure.lag == pytest.approx(3)
    assert server.backpressure.last.utilisation == pytest.approx(0.75)
    loop.advance(1)
    assert server.backpressure.lag == 0.0
    server.backpressure._end_window(loop.time() + 0.001)
    assert server.backpressure.lag == 0.0, "a loop that counts milliseconds may call early"


def test_one_timer_and_one_reading_a_window(loop: ManualLoop) -> None:
    server = Server(loop, window=0.5)
    server.load(5)
    server.meter.readings = 0
    loop.advance(10)
    assert server.meter.readings == 20
    assert len(vars(loop)["_scheduled"]) == 1
    server.backpressure.stop()
    server.backpressure.stop()
    loop.advance(10)
    assert server.meter.readings == 20


def test_the_log_has_two_lines_for_an_episode(loop: ManualLoop, caplog: pytest.LogCaptureFixture) -> None:
    server = Server(loop)
    server.load(10)
    with caplog.at_level(logging.INFO, "esg.error"):
        server.limits(5, utilisation=0.987)
        server.limits(5, utilisation=0.1)
    assert [record.getMessage() for record in caplog.records] == [
        "overloaded: the event loop is 99 % busy; running requests are limited to 9",
        "no longer overloaded: the limit is 10 again; 0 were refused",
    ]
    assert {record.name for record in caplog.records} == {"esg.error"}


def test_the_log_counts_those_who_were_refused_in_this_episode(
    loop: ManualLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """Until the limit is back where it was: in the second episode, that is below the maximum."""
    server = Server(loop, limit=30)
    server.admission.limit = 20
    server.load(20)
    with caplog.at_level(logging.INFO, "esg.error"):
        for refused in (3, 5):
            server.limits(3, utilisation=1.0)
            for _ in range(refused):
                assert not server.admission.wait(Request())
            server.limits(3, utilisation=0.1)
            server.admission.limit = 12
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert said == [
        "no longer overloaded: the limit is 23 again; 3 were refused",
        "no longer overloaded: the limit is 15 again; 5 were refused",
    ]


def test_what_is_told_before_the_first_window_has_ended(loop: ManualLoop) -> None:
    """A-5: nothing is known yet but the limit. The meter's first reading counts from the start."""
    server = Server(loop)
    backpressure = server.backpressure
    assert (backpressure.last, backpressure.lag, backpressure.source) == (Window(0.0, None, 0, 10), 0.0, "test")
    assert server.meter.readings == 1


def test_the_first_window_counts_from_the_start(loop: ManualLoop) -> None:
    """A-4: what ran before is not to blame for it."""
    server = Server(loop)
    server.backpressure.stop()
    request = Request()
    server.admission.enter(request)
    assert request.place is not None
    request.place.release()
    server.backpressure.start()
    server.limits(1, utilisation=0.5)
    assert server.backpressure.last.peak == 0


def context_with(loop: ManualLoop, **options: Any) -> Context:
    async def app(*_arguments: object) -> None: ...

    context = Context(Config(app, **options), app, loop)
    install_admission(context)
    return context


def test_nothing_without_an_option(loop: ManualLoop) -> None:
    context = context_with(loop)
    assert (context.admission, context.backpressure) == (None, None)


def test_a_static_limit_has_no_line_and_no_timer(loop: ManualLoop) -> None:
    context = context_with(loop, limit_concurrent_requests=2)
    context.open()
    assert context.backpressure is None
    assert context.admission is not None
    assert context.admission.limit == 2
    for _ in range(2):
        assert context.admission.enter(Request())
    assert not context.admission.wait(Request())
    assert vars(loop)["_scheduled"] == []


@pytest.mark.parametrize(
    ("options", "first", "highest"),
    [
        ({}, 1000, 1000),
        ({"backpressure_max_limit": 20}, 20, 20),
        ({"backpressure_max_limit": 20, "backpressure_initial_limit": 5}, 5, 20),
        ({"backpressure_max_limit": 20, "backpressure_initial_limit": 50}, 20, 20),
        ({"backpressure_min_limit": 8, "backpressure_initial_limit": 5}, 8, 1000),
        ({"limit_concurrent_requests": 30}, 30, 30),
        ({"limit_concurrent_requests": 30, "backpressure_max_limit": 20}, 20, 20),
    ],
)
def test_where_the_limit_begins_and_ends(options: dict[str, Any], first: int, highest: int, loop: ManualLoop) -> None:
    """A-4: `initial` within the others, and the static limit as the ceiling."""
    context = context_with(loop, backpressure=True, **options)
    assert context.admission is not None
    assert context.admission.limit == first
    vars(context.backpressure)["_meter"] = Meter()
    context.open()
    loop.advance(100)
    assert context.admission.limit == highest
    context.close()


@pytest.mark.parametrize("name", ["backpressure_max_limit", "limit_concurrent_requests"])
def test_a_least_limit_above_the_most_is_an_error(name: str) -> None:
    options: dict[str, Any] = {"backpressure_min_limit": 5, name: 4}
    with pytest.raises(UsageError) as caught:
        Config("main:app", backpressure=True, **options)
    assert str(caught.value) == f"backpressure_min_limit 5 is greater than {name} 4"
    Config("main:app", backpressure=False, **options)
