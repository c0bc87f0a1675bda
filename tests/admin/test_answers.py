"""M-7, M-8: what each path answers, at once, later, or once a second."""

import json
import zlib
from typing import Any

import pytest

from esg_core.admin.contracts import Action, Answer, Stats
from tests.support.admin.client import TOKEN, Answered, Client
from tests.support.admin.source import StillSource, totals

PATHS = "/, /metrics, /health, /ready, /stats, /events, /stacks, /requests"


@pytest.fixture
def source() -> StillSource:
    return StillSource()


def get(source: StillSource, path: str, method: str = "GET", **fields: str) -> Answered:
    client = Client(source)
    client.ask(path, method, **fields)
    if source.asked:
        source.answer()
    return client.answer()


def loaded(answered: Answered) -> Any:
    assert answered.fields["content-type"] == "application/json"
    assert answered.text.endswith("\n")
    return json.loads(answered.body)


def test_health_and_readiness(source: StillSource) -> None:
    assert (get(source, "/health").status, get(source, "/ready").status) == (200, 200)
    source.is_healthy = False
    assert (get(source, "/health").status, get(source, "/ready").status) == (200, 503)


def test_stats_are_the_document_of_the_source(source: StillSource) -> None:
    assert loaded(get(source, "/stats")) == source.stats()


def test_what_json_has_no_form_for(source: StillSource, monkeypatch: pytest.MonkeyPatch) -> None:
    odd: Stats = {**source.stats(), "options": {"a": float("inf"), "b": [float("nan"), 1.5], "c": b"x", "d": "\udcff"}}
    monkeypatch.setattr(source, "stats", lambda: odd)
    assert loaded(get(source, "/stats"))["options"] == {"a": None, "b": [None, 1.5], "c": "b'x'", "d": "\udcff"}


def test_requests_of_all_processes_are_in_one_list(source: StillSource) -> None:
    found = loaded(get(source, "/requests"))
    assert [(one["worker"], one["pid"], one["seconds"]) for one in found["running"]] == [(2, 73, 7.5), (0, 71, 2.5)]
    assert [(one["worker"], one["at"]) for one in found["ended"]] == [(2, 9.0), (0, 5.0)]
    assert found["silent"] == [{"worker": 1, "pid": 72}]


def test_stacks_say_who_has_not_answered(source: StillSource) -> None:
    found = loaded(get(source, "/stacks"))
    thread = {"name": "MainThread", "stack": "..."}
    assert found == {
        "processes": [{"worker": 0, "pid": 71, "threads": [thread], "tasks": []}],
        "silent": [{"worker": 1, "pid": 72}],
    }


def test_answers_of_another_version(source: StillSource) -> None:
    """A worker may run a newer one: what is not known is passed on, what is missing is left out."""
    client = Client(source)
    client.ask("/requests")
    _, answered = source.asked.pop()
    answered([Answer(0, 7, {"running": [{"method": "GET"}, {"seconds": None, "more": 1}]})])
    found = loaded(client.answer())
    assert found["running"] == [
        {"method": "GET", "worker": 0, "pid": 7},
        {"seconds": None, "more": 1, "worker": 0, "pid": 7},
    ]
    assert found["ended"] == []


def test_an_answer_comes_later_or_too_late(source: StillSource) -> None:
    client = Client(source)
    client.ask("/stacks")
    assert (client.exchange.is_over, client.written) == (False, b"")
    client.exchange.lost()
    source.answer()
    assert client.written == b""


@pytest.mark.parametrize("action", Action)
def test_actions_are_done_or_refused(action: Action, source: StillSource) -> None:
    authorization = f"Bearer {TOKEN.decode()}"
    done = get(source, f"/{action.value}", "POST", authorization=authorization)
    assert (done.status, loaded(done)) == (202, {"action": action.value, "accepted": True})
    source.refusal = "there are no workers"
    refused = get(source, f"/{action.value}", "POST", authorization=authorization)
    assert refused.status == 409
    assert loaded(refused) == {"action": action.value, "accepted": False, "reason": "there are no workers"}
    assert source.acted == [action, action]


def test_what_is_not_there_says_what_is(source: StillSource) -> None:
    answered = get(source, "/favicon.ico")
    actions = ", ".join(f"POST /{action.value}" for action in Action)
    assert (answered.status, answered.text) == (404, f"there is no such path; there are {PATHS}, {actions}\n")


@pytest.mark.parametrize(
    "path", ["/metrics", "/health", "/ready", "/stats", "/requests", "/stacks", "/nothing", "/drain"]
)
def test_head_is_get_without_the_body(path: str, source: StillSource) -> None:
    whole, head = get(source, path), get(source, path, "HEAD")
    assert (head.status, head.fields, head.body) == (whole.status, whole.fields, b"")
    assert int(whole.fields["content-length"]) == len(whole.body)


def test_events_follow_once_a_second(source: StillSource) -> None:
    client = Client(source)
    client.ask("/events")
    assert client.exchange.is_stream
    head, _, first = client.written.partition(b"\r\n\r\n")
    assert b"content-type: text/event-stream\r\n" in head
    assert b"content-length" not in head
    event = b"event: stats\ndata: " + json.dumps(source.stats(), separators=(",", ":")).encode() + b"\n\n"
    assert first == b"retry: 1000\n\n" + event
    client.pieces.clear()
    client.exchange.tick()
    assert client.written == event
    client.exchange.feed(b"more")
    client.exchange.expire()
    assert not client.exchange.is_over
    client.exchange.lost()
    client.exchange.tick()
    assert client.written == event


def test_the_head_of_the_events(source: StillSource) -> None:
    answered = get(source, "/events", "HEAD")
    assert (answered.status, answered.fields["content-type"], answered.body) == (200, "text/event-stream", b"")


def test_a_second_passes_for_what_is_no_stream(source: StillSource) -> None:
    client = Client(source)
    client.exchange.tick()
    client.ask("/stacks")
    client.exchange.tick()
    assert client.written == b""


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [("gzip", True), ("br, gzip;q=0.1", True), ("*", True), ("gzip;q=0", False), ("gzip;q=0, *", False), ("br", False)],
)
def test_m8_a_long_body_is_compressed_if_that_is_asked_for(
    accepted: str, is_compressed: bool, source: StillSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = get(source, "/stats", accept_encoding=accepted)
    assert "content-encoding" not in short.fields
    long: Stats = {**source.stats(), "totals": totals(), "options": {"server_header": "x" * 4096}}
    monkeypatch.setattr(source, "stats", lambda: long)
    answered = get(source, "/stats", accept_encoding=accepted)
    assert ("content-encoding" in answered.fields) == is_compressed
    body = zlib.decompress(answered.body, zlib.MAX_WBITS | 16) if is_compressed else answered.body
    assert json.loads(body) == long


def test_m7_what_fails_is_answered_with_500_and_the_reason_is_left_to_the_log(source: StillSource) -> None:
    client = Client(source)
    client.ask("/stacks")
    client.exchange.fail()
    assert (client.answer().status, client.answer().text) == (500, "that failed; the log of the server says why\n")


def test_m8_a_stream_that_fails_ends(source: StillSource) -> None:
    client = Client(source)
    client.ask("/events")
    written = client.written
    client.exchange.fail()
    client.exchange.tick()
    assert (client.exchange.is_over, client.exchange.is_stream, client.written) == (True, False, written)
