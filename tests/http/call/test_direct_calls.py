"""Calls without a task, as the cycle and the context see them: they begin together, and end like any other (I-6)."""

from collections.abc import Iterator
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.context import Context
from esg_core.contracts import DirectApplication, DirectCall, Exchange
from esg_core.options.config import Config
from esg_core.testing import ManualLoop
from esg_http.call.cycle import Cycle
from tests.support.http.streams import DiaryStream

HEADERS = [(b"content-length", b"2")]


class Begun:
    """A call that goes on in a task, where it answers."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def go_on_in_task(self) -> None:
        self._exchange.go_on_in_task(self._answer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"ok"})


class Direct(DirectApplication):
    """Begins with requests, or fails to; as an ASGI application it is never called."""

    def __init__(self) -> None:
        self.begun: list[Exchange] = []
        self.error: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the request was whole")

    def begin(self, exchange: Exchange) -> DirectCall:
        if self.error is not None:
            raise self.error
        self.begun.append(exchange)
        return Begun(exchange)


class Paper:
    """A context with a direct application, and requests whose streams keep a diary."""

    def __init__(self, loop: ManualLoop) -> None:
        self.loop = loop
        self.app = Direct()
        self.context = Context(Config("tests:app"), self.app, loop)

    def start(self) -> tuple[Cycle, DiaryStream]:
        stream = DiaryStream(self.loop, False)
        cycle = Cycle(self.context, stream, {"type": "http", "method": "GET"}, b"/")
        cycle.body_complete = True
        self.context.start(cycle, self.app)
        return cycle, stream


@pytest.fixture
def paper() -> Iterator[Paper]:
    loop = ManualLoop()
    yield Paper(loop)
    loop.close()


RESPONSE: list[tuple[Any, ...]] = [("respond", 200, b"ok", True), ("finished",)]
FAILURE: list[tuple[Any, ...]] = [("respond", 500, b"Internal Server Error", True), ("finished",)]


def test_i6_requests_of_one_turn_begin_together(paper: Paper) -> None:
    started = [paper.start() for _ in range(3)]
    assert paper.app.begun == []
    assert len(paper.context.cycles) == 3
    paper.loop.settle()
    assert paper.app.begun == [cycle for cycle, _ in started]
    for cycle, stream in started:
        cycle.answer_and_end(200, HEADERS, b"ok")
        assert stream.said == RESPONSE
    assert not paper.context.cycles
    assert not any(hasattr(cycle, "task") for cycle, _ in started)


def test_i6_a_client_that_leaves_first_is_not_served(paper: Paper) -> None:
    cycle, stream = paper.start()
    cycle.disconnect()
    paper.loop.settle()
    assert paper.app.begun == []
    assert not paper.context.cycles
    assert stream.said == []


def test_i6_a_client_that_leaves_later_gets_nothing(paper: Paper) -> None:
    cycle, stream = paper.start()
    paper.loop.settle()
    cycle.disconnect()
    cycle.answer_and_end(200, HEADERS, b"ok")
    assert stream.said == []
    assert not paper.context.cycles


def test_i6_an_application_that_cannot_begin(paper: Paper, caplog: pytest.LogCaptureFixture) -> None:
    paper.app.error = RuntimeError("no thread")
    _, stream = paper.start()
    paper.loop.settle()
    assert stream.said == FAILURE
    assert not paper.context.cycles
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_i6_a_response_that_breaks_a_rule(paper: Paper, caplog: pytest.LogCaptureFixture) -> None:
    """H-3, H-10."""
    cycle, stream = paper.start()
    paper.loop.settle()
    cycle.answer_and_end(99, HEADERS, b"ok")
    assert stream.said == FAILURE
    assert not paper.context.cycles
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_i6_a_response_of_another_length(paper: Paper, caplog: pytest.LogCaptureFixture) -> None:
    """H-3."""
    cycle, stream = paper.start()
    paper.loop.settle()
    cycle.answer_and_end(200, [(b"content-length", b"3")], b"ok")
    assert stream.said[:2] == [("respond", 200, b"ok", False), ("give up",)]
    assert not paper.context.cycles
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_i6_a_call_without_a_task_gets_one_when_it_is_needed(paper: Paper) -> None:
    """Also one that has not begun."""
    (early, first), (late, second) = paper.start(), paper.start()
    paper.loop.settle()
    third, last = paper.start()
    assert paper.context.task_of(early) is paper.context.task_of(early)
    assert set(paper.context.tasks()) == {early.task, late.task, third.task}
    paper.loop.settle()
    assert first.said == second.said == last.said == RESPONSE
    assert not paper.context.cycles


def test_i6_the_last_call_of_a_drain_ends_it(paper: Paper) -> None:
    """L-2."""
    cycle, _ = paper.start()
    paper.loop.settle()
    paper.context.drain()
    quiet = paper.loop.create_task(paper.context.wait_quiet())
    paper.loop.settle()
    assert not quiet.done()
    cycle.answer_and_end(200, HEADERS, b"ok")
    paper.loop.settle()
    assert quiet.done()
    paper.context.close()
