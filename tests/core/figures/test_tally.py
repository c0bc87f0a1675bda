"""What one process counts (rule M-1), apart from requests themselves."""

import gc
import math
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from esg_core.access import AccessLog
from esg_core.asgi import Receive, Scope, Send
from esg_core.context import Context
from esg_core.figures import outcomes
from esg_core.figures.ended import ended_record
from esg_core.figures.exemplars import EXEMPLARS, LONGEST_ID, Exemplars, read_exemplars
from esg_core.figures.outcomes import FOLD_EVERY, SHORT, Outcome, Row
from esg_core.figures.readings import Exemplar
from esg_core.figures.tally import Tally
from esg_core.overload.admission import Admission
from esg_core.testing import ManualLoop
from esg_http.call import noting
from esg_http.call.cycle import Cycle
from tests.support.core.admission import Request
from tests.support.figures.counting import Meter, context_in, counted_by, tally_of
from tests.support.http.streams import DiaryStream

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "http_version": "1.1",
    "client": ("192.0.2.7", 5),
    "headers": [],
}
TRACED = {**SCOPE, "headers": [(b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]}


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    with ManualLoop() as loop:
        yield loop


@pytest.fixture
def tally(loop: ManualLoop) -> Tally:
    return tally_of(context_in(loop))


def end(tally: Tally, status: int, seconds: float, scope: dict[str, Any] | None = None) -> None:
    outcome = tally.rows["1.1"]["GET"][status]
    tally.has_ended(outcome, SCOPE if scope is None else scope, b"/a?secret=1", status, seconds)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def request(context: Context, row: Row) -> None:
    """A request begins, and ends in the next turn."""
    context.start(Cycle(context, DiaryStream(context.loop, is_head=False), SCOPE, b"/", row), answer)


def connect(context: Context, protocol_name: str) -> None:
    """A connection, as far as the tally looks."""
    connections: set[Any] = context.connections
    connections.add(type("Connection", (), {"protocol_name": protocol_name})())


def leave(outcome: Outcome, seconds: float = 0.0, size: int = 0) -> None:
    """What a short request does."""
    outcome.new_durations.append(seconds)
    outcome.new_sizes.append(size)


def test_slow_and_failed_requests_are_remembered(tally: Tally) -> None:
    end(tally, 200, 0.5)
    end(tally, 200, 1.5)
    end(tally, 499, 0.001)
    end(tally, 500, 0.001)
    tally.has_broken_off(SCOPE, b"/b", 0, 0.1, "aborted")
    assert [(ended["reason"], ended["path"], ended["status"]) for ended in tally.ended] == [
        ("slow", "/a", 200),
        ("failed", "/a", 500),
        ("aborted", "/b", None),
    ]


@pytest.mark.parametrize(("limit", "remembered"), [(0.2, 1), (0.5, 1), (0.6, 0), (float("inf"), 0)])
def test_what_is_slow_can_be_chosen(tally: Tally, limit: float, remembered: int) -> None:
    tally.slow_request = limit
    end(tally, 200, 0.5)
    assert len(tally.ended) == remembered


def test_what_begins_or_is_counted_is_activity(loop: ManualLoop) -> None:
    """It is told once, when that was asked for; looking is none."""
    context = context_in(loop)
    tally = tally_of(context)
    told: list[int] = []
    tally.on_activity = lambda: told.append(tally.activity)
    seen = [tally.activity]
    end(tally, 200, 0.25)
    assert told == []
    events: tuple[Callable[[], None], ...] = (
        lambda: end(tally, 200, 0.25),
        lambda: tally.has_broken_off(SCOPE, b"/b", 0, 0.1, "aborted"),
        lambda: tally.has_accepted("2"),
        lambda: tally.has_bad_request(400),
        lambda: tally.has_h2_fault(1),
        tally.has_message,
        tally.has_sent_message,
        lambda: tally.has_closed(1000),
        lambda: request(context, tally.rows["1.1"]["GET"]),
    )
    for happens in events:
        tally.await_activity()
        before = len(told)
        counted_by(tally)
        assert len(told) == before
        happens()
        assert len(told) == before + 1
        happens()
        assert len(told) == before + 1
        seen.append(tally.activity)
    assert seen == sorted(set(seen))
    figures = counted_by(tally)
    assert figures.one("esg_http_requests_aborted") == 2
    assert figures.nonzero("esg_connections_accepted") == {("2",): 2}
    assert figures.nonzero("esg_http_bad_requests") == {("400",): 2}
    assert figures.nonzero("esg_http2_connection_errors") == {("PROTOCOL_ERROR",): 2}
    assert figures.one("esg_websockets_messages_received") == figures.one("esg_websockets_messages_sent") == 2
    assert figures.nonzero("esg_websockets_closes") == {("1000",): 2}
    assert figures.one("esg_event_loop_busy_seconds", "0") == figures.one("esg_event_loop_turns", "0") == 0


def test_what_the_garbage_collector_has_done(tally: Tally) -> None:
    """PyPy's has no generations."""
    gc.collect()
    runs = counted_by(tally).nonzero("python_gc_collections")
    assert (("2",) in runs) == (sys.implementation.name == "cpython")


@pytest.mark.parametrize(("status", "name"), [(199, "other"), (200, "2xx"), (599, "5xx"), (600, "other")])
def test_classes_of_statuses(tally: Tally, status: int, name: str) -> None:
    leave(tally.rows["1.1"]["GET"][status])
    assert counted_by(tally).nonzero("esg_http_request_duration_seconds") == {("GET", name): 1}


def test_a_handshake_is_counted_and_has_no_duration(tally: Tally) -> None:
    row = tally.rows["1.1"]["GET"]
    row[101].handshakes += 1
    leave(row[200])
    figures = counted_by(tally)
    assert figures.nonzero("esg_http_requests") == {("GET", "1.1", "101"): 1, ("GET", "1.1", "200"): 1}
    assert figures.nonzero("esg_http_request_duration_seconds") == {("GET", "2xx"): 1}


@pytest.mark.parametrize(
    ("name", "label"), [("HTTP/1.1", "1.1"), ("HTTP/2", "2"), ("HTTP/3", "3"), ("WebSocket", "websocket")]
)
def test_connections_by_what_they_speak(loop: ManualLoop, name: str, label: str) -> None:
    context = context_in(loop)
    connect(context, name)
    assert counted_by(tally_of(context)).nonzero("esg_connections") == {(label,): 1}


def test_what_there_is_of_an_idle_server(loop: ManualLoop) -> None:
    """A WebSocket whose call has ended is no request less."""
    context = context_in(loop)
    tally = tally_of(context)
    tally.has_lag(0.25)
    connect(context, "WebSocket")
    figures = counted_by(tally)
    assert figures.one("esg_event_loop_lag_seconds", "0") == 0.25
    assert [figures.one(f"esg_http_requests_{state}") for state in ("in_progress", "queued", "limit")] == [0, 0, 0]
    assert (figures.one("esg_http2_streams"), figures.one("esg_http3_streams")) == (0, 0)


def test_what_requests_leave_is_added_up_now_and_then(tally: Tally) -> None:
    first, second = 1 + FOLD_EVERY, 1 + 2 * FOLD_EVERY
    assert [tally.has_begun(number) for number in (1, 2, first - 1, first)] == [first, first, first, second]


def test_requests_that_are_logged_take_the_longer_way(loop: ManualLoop) -> None:
    """Their access line has the duration too."""
    context = context_in(loop)
    rows = tally_of(context).rows["1.1"]
    assert rows["GET"][200].short_below == SHORT
    context.access = AccessLog.create(context.config, loop)
    assert rows["GET"][201].short_below == 0.0


def test_only_the_last_are_remembered(tally: Tally) -> None:
    for number in range(100):
        end(tally, 200, 2.0 + number)
    assert [ended["seconds"] for ended in tally.ended] == [2.0 + number for number in range(36, 100)]


def test_a_slow_request_is_the_exemplar_of_its_bucket(tally: Tally) -> None:
    for seconds in (1.5, 1.75):
        end(tally, 200, seconds, TRACED)
    end(tally, 200, 1.9)
    [histogram] = counted_by(tally)["esg_http_request_duration_seconds"].values()
    [exemplar] = [found for found in histogram.exemplars if found]
    assert exemplar[:2] == ("0af7651916cd43dd8448eb211c80319c", 1.75)
    assert histogram.counts[histogram.exemplars.index(exemplar)] == 3


def test_a_scope_that_the_application_has_spoilt_is_no_error(tally: Tally) -> None:
    spoilt: dict[str, Any] = {"headers": 7, "client": "x", "method": None}
    end(tally, 200, 2.0, spoilt)
    assert ended_record({}, b"/", 200, 1.0, "slow", 0.0)["client"]
    assert len(tally.ended) == 1


def test_exemplars_survive_as_numbers() -> None:
    kept = Exemplars()
    for number in range(EXEMPLARS + 5):
        kept.keep((number, 3), Exemplar(f"id-{number}", number / 3, 1.7e9 + number))
    kept.keep((99, 0), Exemplar("x" * (LONGEST_ID + 1), 1.0, 1.0))
    kept.keep((99, 0), Exemplar("\xe4", 1.0, 1.0))
    assert dict(read_exemplars(kept.numbers())) == {
        (number, 3): Exemplar(f"id-{number}", number / 3, 1.7e9 + number) for number in range(5, EXEMPLARS + 5)
    }


def test_methods_and_statuses_are_bounded(tally: Tally) -> None:
    for number in range(200, 1000):
        leave(tally.rows["1.1"][f"METHOD{number}"][number])
    found = counted_by(tally).nonzero("esg_http_requests")
    assert {method for method, _, _ in found} == {"_OTHER"}
    assert sum(found.values()) == 800
    assert set(tally.rows["1.1"]) == {"_OTHER"}


@pytest.mark.parametrize(("seconds", "bucket"), [(0.0, 0), (SHORT, 0), (0.0051, 1), (120.0, 16), (121.0, 17)])
def test_buckets(seconds: float, bucket: int) -> None:
    outcome = Outcome(SHORT)
    assert outcome.count(seconds) == bucket
    assert outcome.longer is not None
    assert outcome.longer[bucket] == 1


def test_m1_what_requests_leave_is_added_up_once(tally: Tally) -> None:
    outcome = tally.rows["1.1"]["GET"][200]
    leave(outcome, 0.001, 3)
    leave(outcome, 0.002, 5)
    outcome.longer_sent += 7
    tally.rows["1.1"]["GET"].received += 11
    end(tally, 200, 0.25)
    for _ in range(2):
        figures = counted_by(tally)
        [histogram] = figures["esg_http_request_duration_seconds"].values()
        assert (sum(histogram.counts), histogram.total) == (3, pytest.approx(0.253))
        assert figures.one("esg_http_response_body_bytes") == 15
        assert figures.one("esg_http_request_body_bytes") == 11
    assert (outcome.new_durations, outcome.new_sizes) == ([], [])


@pytest.mark.parametrize(("status", "sent"), [(203, 5), (204, 0), (205, 5), (303, 5), (304, 0), (305, 5)])
def test_m1_a_body_that_must_not_be_sent_has_no_bytes(tally: Tally, status: int, sent: int) -> None:
    leave(tally.rows["1.1"]["GET"][status], 0.001, 5)
    leave(tally.rows["1.1"]["HEAD"][status], 0.001, 7)
    assert counted_by(tally).one("esg_http_response_body_bytes") == sent


def test_m1_what_requests_leave_stays_short_though_it_is_never_read(
    loop: ManualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (outcomes, noting):
        monkeypatch.setattr(module, "SHORT", math.inf)  # on a busy machine, some would not be short
    context = context_in(loop)
    tally = tally_of(context)
    row = tally.rows["1.1"]["GET"]
    for _ in range(3 * FOLD_EVERY):
        request(context, row)
        loop.advance(0)
        assert len(row[200].new_durations) == len(row[200].new_sizes) <= FOLD_EVERY
    assert row[200].short + sum(row[200].longer or ()) >= 2 * FOLD_EVERY, "a busy machine makes some of them longer"
    assert counted_by(tally).one("esg_http_requests", "GET", "1.1", "200") == 3 * FOLD_EVERY
    assert counted_by(tally).one("esg_http_response_body_bytes") == 3 * FOLD_EVERY * 2


def test_m1_so_does_what_bad_requests_leave(tally: Tally) -> None:
    """They may be answered before they count as begun."""
    outcome = tally.rows["1.1"]["POST"][400]
    for _ in range(3):
        tally.has_bad_request(400)
        leave(outcome)
    assert len(outcome.new_sizes) == 1
    assert counted_by(tally).one("esg_http_requests", "POST", "1.1", "400") == 3


def test_refusals_by_reason(loop: ManualLoop) -> None:
    context = context_in(loop)
    context.admission = admission = Admission(loop, 1, queue_size=2, queue_timeout=1.0)
    context.tally = tally = Tally(Meter(), context)
    first, second, third, fourth = (Request(admission) for _ in range(4))
    assert [first.come(), second.come(), third.come(), fourth.come()] == ["runs", "waits", "waits", "refused"]
    found = counted_by(tally)
    states = ("in_progress", "queued", "limit")
    assert [found.one(f"esg_http_requests_{state}") for state in states] == [1, 2, 1]
    loop.advance(0.5)
    first.end()
    loop.advance(1.0)
    admission.saturated = True
    assert Request(admission).come() == "refused"
    admission.saturated = False
    assert Request(admission).come() == "waits"
    admission.drain()
    assert Request(admission).come() == "refused"
    found = counted_by(tally)
    assert found.nonzero("esg_http_requests_refused") == {
        ("queue_full",): 1,
        ("queue_timeout",): 1,
        ("saturated",): 1,
        ("draining",): 2,
    }
    assert found.one("esg_http_request_queue_seconds") == 3
    assert admission.rejected == sum(admission.refused.values())


def test_without_a_queue_the_limit_is_the_reason(loop: ManualLoop) -> None:
    admission = Admission(loop, 1)
    Request(admission).come()
    assert Request(admission).come() == "refused"
    assert admission.refused["limit"] == 1


def test_any_thread_may_ask_while_requests_are_counted(tally: Tally) -> None:
    """No figure that another thread sees falls."""
    fallen: list[float] = []
    is_over = threading.Event()

    def ask() -> None:
        before = 0.0
        while not is_over.is_set():
            now = counted_by(tally).one("esg_http_requests", "GET", "1.1", "200")
            if now < before:
                fallen.append(now)
            before = now

    asking = threading.Thread(target=ask)
    asking.start()
    for number in range(20_000):
        if number % 3:
            leave(tally.rows["1.1"]["GET"][200])
        else:
            end(tally, 200, 0.01)
    is_over.set()
    asking.join(60)
    assert fallen == []
    total = counted_by(tally).one("esg_http_requests", "GET", "1.1", "200")
    assert total == 20_000, total  # it failed once on PyPy, where assertions do not show values
