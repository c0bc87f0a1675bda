"""The sum over processes (rule M-2)."""

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from esg_core.figures import families
from esg_core.figures.exemplars import Exemplars
from esg_core.figures.families import COUNTED
from esg_core.figures.labels import DURATIONS, END_REASONS, REFUSAL_REASONS
from esg_core.figures.layout import EXEMPLARS_AT, IS_SUMMED, SLOTS, beginning
from esg_core.figures.merging import Merged
from esg_core.figures.readings import Exemplar, Histogram, Kind, Reading, Series
from tests.core.figures.test_segment import growing
from tests.support.figures.counting import Figures, numbers, slot

GET = ("GET", "1.1", "200")


def requests(
    number: float, running: float = 0.0, lag: float = 0.0, busy: float = 0.0, turns: float = 0.0
) -> list[float]:
    """The values of a process that has answered so many GETs."""
    values = numbers(
        esg_http_requests_in_progress=running,
        esg_event_loop_lag_seconds=lag,
        esg_event_loop_busy_seconds=busy,
        esg_event_loop_turns=turns,
    )
    values[slot("esg_http_requests", *GET)] = number
    return values


def total(merged: Merged) -> float:
    return Figures(merged).one("esg_http_requests", *GET)


def test_former_and_present_processes_are_added_up() -> None:
    merged = Merged()
    merged.present(0, requests(5))
    merged.present(1, requests(7))
    assert total(merged) == 12
    merged.ended(0, requests(6))
    assert total(merged) == 13
    merged.present(0, requests(1))
    assert total(merged) == 14


def test_gauges_are_those_of_the_present() -> None:
    merged = Merged()
    merged.present(0, requests(5, running=3))
    merged.present(1, requests(5, running=4))
    merged.ended(0, requests(5, running=3))
    assert Figures(merged).one("esg_http_requests_in_progress") == 4
    assert merged.totals()["running"] == 4


def test_what_cannot_be_read_is_what_it_was() -> None:
    """While it is written, or in another layout."""
    merged = Merged()
    merged.present(0, requests(5))
    merged.present(0, None)
    assert total(merged) == 5
    merged.ended(0, None)
    assert total(merged) == 5
    merged.ended(1, None)
    assert total(merged) == 5


def test_a_replacement_keeps_the_series_of_its_place() -> None:
    merged = Merged()
    merged.present(3, requests(5, busy=2.0, turns=10), worker=100)
    merged.present(3, requests(1, busy=0.5, turns=3), worker=101)
    assert merged.worker(3)["requests_total"] == 6
    merged.ended(3, requests(8, busy=2.5, turns=20), worker=100)
    figures = Figures(merged)
    assert figures.one("esg_worker_requests", "3") == 9
    assert figures.one("esg_event_loop_busy_seconds", "3") == 3.0
    assert figures.one("esg_event_loop_turns", "3") == 20 + 3
    assert set(figures["esg_worker_requests"]) == {("3",)}


def test_a_place_that_was_given_up_keeps_its_counters_and_loses_its_gauges() -> None:
    merged = Merged()
    merged.present(0, requests(5, lag=1.0))
    merged.ended(0, requests(5, lag=1.0))
    figures = Figures(merged)
    assert figures.one("esg_worker_requests", "0") == 5
    assert dict(figures["esg_event_loop_lag_seconds"]) == {}


def test_the_lag_of_a_place_is_the_worst() -> None:
    merged = Merged()
    merged.present(0, requests(0, lag=0.1), worker=1)
    merged.present(0, requests(0, lag=0.3), worker=2)
    assert Figures(merged).one("esg_event_loop_lag_seconds", "0") == 0.3
    assert merged.worker(0)["lag"] == 0.3


def test_what_can_be_named_beforehand_is_there_from_the_start() -> None:
    figures = Figures(Merged())
    assert set(figures["esg_http_requests_refused"]) == {(reason,) for reason in REFUSAL_REASONS}
    assert set(figures["esg_http_requests_refused"].values()) == {0.0}
    for name in ("esg_http_request_queue_seconds", "esg_websocket_duration_seconds"):
        [waits] = figures[name].values()
        assert (sum(waits.counts), waits.total) == (0, 0.0)
    assert set(END_REASONS) == {"asked", "requests", "lifetime", "memory", "blocked", "crashed"}
    assert Merged().totals()["refused_total"] == dict.fromkeys(REFUSAL_REASONS, 0)


def test_series_without_a_request_are_left_out() -> None:
    figures = Figures(Merged())
    for name in ("esg_http_requests", "esg_http_request_duration_seconds", "esg_http_requests_limit"):
        assert dict(figures[name]) == {}


def test_own_readings_follow() -> None:
    own = Reading(families.WORKERS, [Series(("ready",), 2.0)])
    assert Merged().readings([own])[-1] is own


def test_totals_for_the_page() -> None:
    merged = Merged()
    values = requests(5)
    at = slot("esg_http_request_duration_seconds", "GET", "5xx")
    values[at : at + 3] = [1.0, 0.0, 2.0]
    values[slot("esg_http_requests_limit")] = 10
    values[slot("esg_connections", "2")] = 2
    values[slot("esg_connections", "websocket")] = 1
    values[slot("esg_http_requests_aborted")] = 4
    values[slot("esg_http_requests_refused", REFUSAL_REASONS[1])] = 6
    values[slot("esg_http_requests_in_progress")] = 7
    values[slot("esg_http_requests_queued")] = 8
    values[slot("esg_websockets")] = 9
    values[slot("esg_http2_streams")] = 11
    values[slot("esg_http3_streams")] = 12
    merged.present(0, values)
    assert merged.totals(memory=77) == {
        "requests_total": 5,
        "errors_total": 3,
        "aborted_total": 4,
        "refused_total": {**dict.fromkeys(REFUSAL_REASONS, 0), REFUSAL_REASONS[1]: 6},
        "running": 7,
        "queued": 8,
        "limit": 10,
        "connections": 3,
        "websockets": 9,
        "h2_streams": 11,
        "h3_streams": 12,
        "memory": 77,
        "latency_bounds": [*DURATIONS],
        "latency_counts": [1, 0, 2, *[0] * (len(DURATIONS) - 2)],
    }
    assert merged.worker(0) == {
        "requests_total": 5,
        "running": 7,
        "queued": 8,
        "connections": 3,
        "websockets": 9,
        "busy_seconds_total": 0.0,
        "lag": 0.0,
    }
    assert (Merged().totals()["limit"], Merged().totals()["memory"], Merged().worker(0)["lag"]) == (None, 0, 0.0)


def test_the_last_exemplar_of_each_bucket_is_shown() -> None:
    merged = Merged()
    for place, at in ((0, 5.0), (1, 9.0), (2, 7.0)):
        kept = Exemplars()
        number = families.DURATION.labels.index(("GET", "2xx"))
        kept.keep((number, 10), Exemplar(f"trace-{place}", 2.0, at))
        values = numbers()
        values[slot("esg_http_request_duration_seconds", "GET", "2xx") + 10] = 1.0
        values[EXEMPLARS_AT:] = kept.numbers()
        merged.present(place, values)
    [histogram] = Figures(merged)["esg_http_request_duration_seconds"].values()
    assert isinstance(histogram, Histogram)
    assert [exemplar for exemplar in histogram.exemplars if exemplar] == [Exemplar("trace-1", 2.0, 9.0)]
    assert histogram.exemplars[10] is not None


class Processes(RuleBasedStateMachine):
    """Workers that count, publish, are replaced, and die in the middle of anything."""

    def __init__(self) -> None:
        super().__init__()
        self.merged = Merged()
        self.before: dict[tuple[str, ...], float] = {}
        self.pids = 0
        self.counted: dict[tuple[int, int], list[float]] = {}
        self.published: dict[tuple[int, int], list[float]] = {}

    workers = st.integers(0, 5)
    slots = st.lists(st.integers(0, EXEMPLARS_AT - 1), max_size=8)

    def pick(self, number: int) -> tuple[int, int] | None:
        known = sorted(self.counted)
        return known[number % len(known)] if known else None

    @rule(place=st.integers(0, 2))
    def start(self, place: int) -> None:
        self.pids += 1
        self.counted[place, self.pids] = [0.0] * len(SLOTS)
        self.published[place, self.pids] = [0.0] * len(SLOTS)

    @rule(number=workers, slots=slots)
    def work(self, number: int, slots: Sequence[int]) -> None:
        if worker := self.pick(number):
            for at in slots:
                self.counted[worker][at] += 1 if IS_SUMMED[at] else -self.counted[worker][at]

    @rule(number=workers)
    def publish(self, number: int) -> None:
        if worker := self.pick(number):
            self.published[worker] = list(self.counted[worker])

    @rule(number=workers, is_readable=st.booleans())
    def read(self, number: int, is_readable: bool) -> None:
        if worker := self.pick(number):
            self.merged.present(worker[0], list(self.published[worker]) if is_readable else None, worker[1])

    @rule(number=workers, torn_at=st.integers(0, len(SLOTS)), is_readable=st.booleans())
    def die(self, number: int, torn_at: int, is_readable: bool) -> None:
        """Whatever of its last numbers can be read: what is behind `torn_at` is as it was published before."""
        if worker := self.pick(number):
            last = self.counted.pop(worker)[:torn_at] + self.published.pop(worker)[torn_at:]
            self.merged.ended(worker[0], last if is_readable else None, worker[1])

    @invariant()
    def no_counter_falls(self) -> None:
        now = growing(self.merged)
        fallen = {name: number for name, number in self.before.items() if now.get(name, -1.0) < number}
        assert fallen == {}
        self.before = now


Processes.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
test_m2_no_counter_ever_falls = Processes.TestCase


def test_each_family_is_shown_in_order() -> None:
    names = [reading.family.name for reading in Merged().readings()]
    assert names == [*(counted.family.name for counted in COUNTED), "esg_worker_requests"]
    assert beginning(COUNTED[0]) == 0
    assert Kind.GAUGE in {counted.family.kind for counted in COUNTED}
