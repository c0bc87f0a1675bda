"""One call of the application, over a stream that only listens (H-3 to H-5, H-7, H-9, H-10, H-16, H-21)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from esg_core.asgi import Headers, Message, Receive, Scope, Send
from esg_core.errors import ApplicationError, ClientDisconnected
from esg_core.figures.outcomes import ONLY_LOGGED
from esg_core.request_ids import EXTENSION, FIELD
from esg_core.testing import ManualLoop
from esg_core.unheard import AT_ONCE, GRACE, GRACE_OF_HELPERS
from esg_http.call.request_side import MOST_PIECES
from tests.http.misbehaviour.case import body, length, start
from tests.support.http.streams import CycleOnPaper

DISCONNECT = {"type": "http.disconnect"}


def request(content: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    with ManualLoop() as loop:
        yield loop


@pytest.fixture
def paper(loop: ManualLoop) -> CycleOnPaper:
    return CycleOnPaper(loop)


# Responses.


def test_a_response_in_one_part(paper: CycleOnPaper) -> None:
    """H-4: nothing is sent before the body."""
    paper.send(start())
    assert paper.said == []
    paper.send(body(b"hello"))
    assert paper.said == [("respond", 200, b"hello", True), ("finished",)]


def test_headers_that_can_be_read_once(paper: CycleOnPaper) -> None:
    """R-1: the response hook sees them, too."""
    seen: list[Headers] = []
    paper.context.on_response = lambda scope, status, headers: seen.append(headers)
    paper.send({**start(), "headers": iter([(b"x", b"y")])}, body())
    assert seen == [[(b"x", b"y")]]


def test_headers_that_cannot_be_read(paper: CycleOnPaper) -> None:
    """H-10."""
    with pytest.raises(ApplicationError, match="headers must be an iterable"):
        paper.send({**start(), "headers": 5})


def test_a_response_in_parts(paper: CycleOnPaper) -> None:
    """H-4: empty parts in the middle send nothing."""
    paper.send(start(), body(more_body=True), body(b"a", more_body=True), body(more_body=True), body())
    assert paper.said == [("respond", 200, b"", False), ("send", b"a", False), ("send", b"", True), ("finished",)]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_what_carries_no_body(loop: ManualLoop, method: str, status: int) -> None:
    """H-3: it is counted, and dropped."""
    paper = CycleOnPaper(loop, method)
    paper.send(start(status, length(b"5")), body(b"hel", more_body=True), body(b"lo"))
    assert paper.said == [("respond", status, b"", False), ("send", b"", True), ("finished",)]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([b"hello!"], [("respond", 200, b"hello", False)]),
        ([b"hel", b"lo!"], [("respond", 200, b"hel", False), ("send", b"lo", False)]),
        ([b"hello", b"!"], [("respond", 200, b"hello", False)]),
        ([b"hell"], [("respond", 200, b"hell", False)]),
        ([b"he", b"ll"], [("respond", 200, b"he", False), ("send", b"ll", False)]),
    ],
)
def test_a_body_of_another_length(paper: CycleOnPaper, parts: list[bytes], said: list[tuple[Any, ...]]) -> None:
    """H-3: no more than announced, and no end."""
    paper.send(start(headers=length(b"5")))
    sent = sum(map(len, parts))
    wrong = f"the body is {'longer' if sent > 5 else 'shorter'} than its content-length: {sent} instead of 5 bytes"
    with pytest.raises(ApplicationError, match=f"^{wrong}"):
        paper.send(*(body(part, more_body=part is not parts[-1]) for part in parts))
    assert paper.said == [*said, ("give up",)]
    assert paper.cycle.sent == min(sent, 5)


def test_a_body_that_is_too_long_before_its_end(paper: CycleOnPaper) -> None:
    """H-3: no byte of the next message may follow it."""
    paper.send(start(headers=length(b"5")))
    with pytest.raises(ApplicationError, match="longer"):
        paper.send(body(b"hello!", more_body=True))
    assert paper.said == [("respond", 200, b"hello", False), ("give up",)]


def test_a_body_that_is_too_long_for_a_response_without_one(loop: ManualLoop) -> None:
    """H-3: it is an error, although none of it would be sent."""
    paper = CycleOnPaper(loop, "HEAD")
    paper.send(start(headers=length(b"5")))
    with pytest.raises(ApplicationError, match="longer"):
        paper.send(body(b"hello!"))
    assert paper.said == [("respond", 200, b"", False), ("give up",)]


def test_only_files_may_be_off(loop: ManualLoop) -> None:
    """H-27."""
    paper = CycleOnPaper(loop, pathsend=False)
    paper.send({"type": "http.response.early_hint", "links": []}, start())
    assert paper.said == [("inform", 103, [])]
    for kind in ("http.response.pathsend", "http.response.zerocopysend"):
        with pytest.raises(ApplicationError, match=f"{kind} is not among the extensions: pathsend is off"):
            paper.send({"type": kind})


def test_a_body_where_none_is_announced(paper: CycleOnPaper) -> None:
    """H-3."""
    paper.send(start(headers=length(b"0")))
    with pytest.raises(ApplicationError, match="longer"):
        paper.send(body(b"!"))
    assert paper.said == [("respond", 200, b"", False), ("give up",)]


@pytest.mark.parametrize(("method", "announced"), [("GET", b"0"), ("GET", b"2"), ("GET", b"3"), ("HEAD", b"0")])
def test_a_file_that_is_longer_than_announced(loop: ManualLoop, method: str, announced: bytes) -> None:
    """H-3: none of it is sent; what is not sent anyway may have any length."""
    paper = CycleOnPaper(loop, method)
    paper.send(start(headers=length(announced)))
    if method == "GET" and announced != b"3":
        with pytest.raises(ApplicationError, match="longer than content-length: 3 more after 0 bytes"):
            paper.cycle.begin_file(3)
    else:
        assert paper.cycle.begin_file(3) == (method == "GET")
        assert paper.cycle.sent == 3
    assert paper.said == [("respond", 200, b"", False)]


def test_a_failure_before_the_first_byte(paper: CycleOnPaper) -> None:
    """H-4, H-10."""
    paper.send(start(204, [(b"x", b"y")]))
    paper.cycle.fail()
    assert paper.said == [("respond", 500, b"Internal Server Error", True), ("finished",)]
    paper.cycle.fail()
    assert paper.said == []


def test_a_failure_after_the_first_byte(paper: CycleOnPaper) -> None:
    """H-10."""
    paper.send(start(), body(b"part", more_body=True))
    paper.cycle.fail()
    assert paper.said == [("respond", 200, b"part", False), ("give up",)]


def test_an_answer_in_the_application_s_place(loop: ManualLoop) -> None:
    """H-10, H-18: without a body for HEAD."""
    for method, content in (("GET", b"late"), ("HEAD", b"")):
        paper = CycleOnPaper(loop, method)
        paper.cycle.answer(503, [], b"late")
        assert paper.said == [("respond", 503, content, True), ("finished",)]
        assert (paper.cycle.sent, paper.cycle._prepared[1]) == (4, 4)
        assert paper.receive() == DISCONNECT
        with pytest.raises(ApplicationError, match="complete"):
            paper.send(start())


def test_an_answer_is_not_noted_as_broken_off(paper: CycleOnPaper) -> None:
    """R-3, M-1: although its application is cut off (H-11)."""
    paper.cycle.row = ONLY_LOGGED
    paper.cycle.answer(413, [], b"")
    paper.cycle.disconnect()
    assert paper.cycle.row is ONLY_LOGGED


def test_another_protocol_takes_over(loop: ManualLoop) -> None:
    """H-13, A-10: once; the cycle holds its stream no longer, and is not logged."""
    paper = CycleOnPaper(loop)
    paper.cycle.scope["extensions"] = {EXTENSION: {"id": "7"}}
    assert not paper.cycle.switch(asyncio.Protocol(), [(b"a", b"b")])
    assert paper.said == [("switch", [(b"a", b"b"), (FIELD, b"7")])]
    assert paper.cycle.response_complete
    assert not hasattr(paper.cycle, "_stream")
    with pytest.raises(ApplicationError, match="too late"):
        paper.cycle.switch(asyncio.Protocol(), [])


def test_send_waits_at_the_gate(loop: ManualLoop, paper: CycleOnPaper) -> None:
    """H-7: after everything has been passed on, and not at the end."""
    paper.stream.gate.close()
    sending = loop.create_task(paper.cycle.send(start()))
    loop.settle()
    assert sending.done()
    sending = loop.create_task(paper.cycle.send(body(b"a", more_body=True)))
    loop.settle()
    assert not sending.done()
    paper.stream.gate.open()
    loop.settle()
    assert sending.done()
    paper.stream.gate.close()
    paper.send(body(b"b"))
    assert paper.said[-1] == ("finished",)


def test_how_far_a_response_is(paper: CycleOnPaper) -> None:
    cycle = paper.cycle

    def states() -> list[bool]:
        return [cycle.awaits_response, cycle.response_started, cycle.response_complete]

    assert states() == [True, False, False]
    paper.send(start())
    assert states() == [False, False, False]
    paper.send(body(b"a", more_body=True))
    assert states() == [False, True, False]
    paper.send(body(b"b"))
    assert states() == [False, True, True]


def test_a_client_that_has_gone_awaits_nothing(paper: CycleOnPaper) -> None:
    """What it had sent is not kept, either."""
    paper.cycle.feed(b"a")
    paper.cycle.disconnect()
    assert not paper.cycle.awaits_response
    assert paper.cycle._body is None


# Requests.


def test_a_body_is_given_out_as_it_comes(paper: CycleOnPaper) -> None:
    """H-7: joined if the application is late; the stream is told what was taken."""
    paper.cycle.feed(b"a")
    paper.cycle.feed(b"b")
    assert paper.cycle.buffered == 2
    assert paper.receive() == request(b"ab", True)
    assert paper.cycle.buffered == 0
    paper.cycle.feed(b"c")
    paper.cycle.feed_end()
    assert paper.receive() == request(b"c", False)
    assert paper.said == [("consumed", 2), ("consumed", 1)]


@pytest.mark.parametrize("late", [False, True])
def test_an_end_without_content(loop: ManualLoop, paper: CycleOnPaper, late: bool) -> None:
    """ASGI: the last message may be empty."""
    paper.cycle.feed(b"a")
    assert paper.receive() == request(b"a", True)
    receiving = loop.create_task(paper.cycle.receive()) if late else None
    loop.settle()
    paper.cycle.feed_end()
    assert (loop.run_until_complete(receiving) if receiving else paper.receive()) == request(b"", False)


def test_a_request_without_a_body(loop: ManualLoop, paper: CycleOnPaper) -> None:
    """ASGI: one empty message, then nothing until the client goes or has its response."""
    paper.cycle.body_complete = True
    assert paper.receive() == request(b"", False)
    receiving = loop.create_task(paper.cycle.receive())
    loop.settle()
    assert not receiving.done()
    paper.send(start(), body())
    assert loop.run_until_complete(receiving) == DISCONNECT


def test_what_comes_after_the_response_is_not_kept(paper: CycleOnPaper) -> None:
    """H-7; nor is what came before."""
    paper.cycle.feed(b"a")
    paper.send(start(), body())
    assert paper.cycle._body is None
    paper.cycle.feed(b"b")
    assert paper.cycle.buffered == 0
    assert paper.receive() == DISCONNECT


def test_a_client_that_waits_to_continue_is_told_once(loop: ManualLoop, paper: CycleOnPaper) -> None:
    """H-5."""
    paper.cycle.expects_continue = True
    receiving = [loop.create_task(paper.cycle.receive()) for _ in range(2)]
    loop.settle()
    assert paper.said == [("inform", 100, [])]
    paper.cycle.feed(b"a")
    paper.cycle.feed_end()
    loop.settle()
    assert receiving[0].result() == request(b"a", False)
    assert not receiving[1].done()


def test_a_client_is_not_told_to_continue_once_the_response_has_begun(loop: ManualLoop, paper: CycleOnPaper) -> None:
    """H-5."""
    paper.cycle.expects_continue = True
    paper.send(start(), body(b"a", more_body=True))
    receiving = loop.create_task(paper.cycle.receive())
    loop.settle()
    assert paper.said == [("respond", 200, b"a", False)]
    receiving.cancel()


# Clients that go.


MESSAGES = (
    start(),
    body(b"x", more_body=True),
    body(),
    {"type": "http.response.early_hint", "links": [b"</a>"]},
    {"type": "http.response.trailers"},
    {"type": "http.response.pathsend", "path": __file__},
    {"type": "http.response.zerocopysend", "file": 0},
)


@pytest.mark.parametrize("buffered", [b"", b"abc"])
def test_a_client_that_goes(loop: ManualLoop, paper: CycleOnPaper, buffered: bytes) -> None:
    """H-16: what it left behind is dropped; `receive()` reports it however often it is called."""
    paper.cycle.feed(buffered) if buffered else None
    paper.cycle.disconnect()
    assert paper.cycle.buffered == 0
    assert [paper.receive(), paper.receive()] == [DISCONNECT] * 2
    paper.cycle.fail()
    assert paper.said == []


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["type"])
def test_a_sender_without_a_client_gives_others_a_turn(loop: ManualLoop, paper: CycleOnPaper, message: Message) -> None:
    """H-21: it waits after a few messages, however far the response is, and even if it sends nonsense."""
    taken = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal taken
        for _ in range(2 * AT_ONCE):
            await send({**message, "status": 99})
            taken += 1

    paper.send(*[start()] * (message == body(b"x", more_body=True)))
    paper.context.start(paper.cycle, app)
    paper.cycle.disconnect()
    loop.settle()
    assert taken == AT_ONCE
    loop.advance(1)
    assert taken == 2 * AT_ONCE


def test_a_child_of_the_application_has_no_client(paper: CycleOnPaper) -> None:
    """L-6: it learns that at once."""
    paper.cycle.disconnect()
    paper.context.process += 1
    with pytest.raises(ClientDisconnected, match="forked"):
        paper.send(start())


def test_a_client_that_goes_before_its_call_begins(loop: ManualLoop) -> None:
    """A-2, H-25: there is no task yet that could be ended."""
    paper = CycleOnPaper(loop, timeout_disconnected=5)
    paper.cycle.disconnect()
    assert paper.receive() == DISCONNECT


def test_a_client_that_goes_while_its_file_is_sent(
    paper: CycleOnPaper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H-21: the stream may be the first to notice."""

    async def lost(*_: object) -> None:
        raise ClientDisconnected("while it was sent")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send({"type": "http.response.zerocopysend", "file": file.fileno()})

    (tmp_path / "file").write_bytes(b"abc")
    with (tmp_path / "file").open("rb") as file:
        monkeypatch.setattr(paper.stream, "send_file", lost)
        run(paper, app)
    assert paper.cycle.client_gone
    assert paper.said == [("respond", 200, b"", False)]


def outcomes(paper: CycleOnPaper, message: Any, beside: bool = False) -> dict[str, float]:
    """How often the same message was accepted, refused and cancelled during an hour of a call whose client has gone.

    `refused after` is in seconds after the first one; `beside` sends from another task.
    """
    seen = {"taken": 0, "refused": 0, "cancelled": 0, "refused after": 0.0}

    async def send(began: float) -> None:
        while paper.loop.time() < began + 3600:
            try:
                await paper.cycle.send(message)
                seen["taken"] += 1
            except OSError:
                seen["refused after"] = seen["refused after"] or paper.loop.time() - began
                seen["refused"] += 1
            except asyncio.CancelledError:
                seen["cancelled"] += 1

    async def app(scope: Any, receive: Any, _send: Any) -> None:
        sending = send(paper.loop.time())
        await (asyncio.ensure_future(sending) if beside else sending)

    paper.context.start(paper.cycle, app)
    paper.cycle.disconnect()
    paper.loop.advance(3700)
    assert not paper.context.cycles
    assert paper.said == []
    return seen


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["type"])
def test_what_is_sent_to_a_client_that_has_gone(paper: CycleOnPaper, message: Any) -> None:
    """H-21: accepted for a second, then refused, and finally the sender is cancelled; the loop never spins."""
    seen = outcomes(paper, message)
    assert seen["refused after"] == pytest.approx(GRACE, abs=0.01)
    assert AT_ONCE < seen["taken"] <= 1020
    assert seen["refused"] == 8
    assert 3500 < seen["cancelled"] < 3600


@pytest.mark.parametrize("before", [[], [start()], [start(), body(b"a", more_body=True)]], ids=len)
def test_nothing_is_written_for_a_client_that_has_gone(paper: CycleOnPaper, before: list[Message]) -> None:
    """H-21: however far the response is."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(body(b"b") if before else start())

    paper.send(*before)
    assert len(paper.said) == (len(before) == 2)
    paper.context.start(paper.cycle, app)
    paper.cycle.disconnect()
    paper.loop.advance(2)
    assert paper.said == []


def test_what_another_task_sends_to_a_client_that_has_gone(paper: CycleOnPaper) -> None:
    """H-21: a call that waits for that task would wait forever if it failed, so the task may go on for longer."""
    assert outcomes(paper, body(), beside=True)["refused after"] == pytest.approx(GRACE_OF_HELPERS, abs=0.01)


def test_the_grace_begins_with_the_first_message(loop: ManualLoop, paper: CycleOnPaper) -> None:
    """H-21: a call that responds when its client has been gone for a while ends like any other."""
    ended = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(60)
        await send(start())
        await send(body())
        ended.append(True)

    paper.context.start(paper.cycle, app)
    loop.settle()
    paper.cycle.disconnect()
    loop.advance(61)
    assert ended == [True]


def test_a_sender_at_the_gate_goes_on_without_the_client(loop: ManualLoop, paper: CycleOnPaper) -> None:
    """H-7, H-16: even though other streams may share the gate, and it may stay closed."""
    paper.stream.gate.close()
    paper.send(start())
    sending = loop.create_task(paper.cycle.send(body(b"x", more_body=True)))
    loop.settle()
    paper.stream.gate.nudge()
    loop.settle()
    assert not sending.done()
    paper.cycle.disconnect()
    loop.settle()
    assert sending.done()
    assert paper.stream.gate.closed


def test_a_client_that_goes_while_it_is_waited_for(loop: ManualLoop, paper: CycleOnPaper) -> None:
    """H-16: all waiting calls are told."""
    receiving = [loop.create_task(paper.cycle.receive()) for _ in range(3)]
    loop.settle()
    paper.cycle.disconnect()
    loop.settle()
    assert [task.result() for task in receiving] == [DISCONNECT] * 3


def test_a_client_that_only_stops_sending(paper: CycleOnPaper) -> None:
    """H-9: it gets its response; `receive()` delivers what has come, and then reports the end."""
    paper.cycle.feed(b"a")
    paper.cycle.feed_end()
    paper.cycle.end_input()
    assert paper.receive() == request(b"a", False)
    assert paper.receive() == DISCONNECT
    paper.send(start(), body(b"b"))
    assert paper.said[-2:] == [("respond", 200, b"b", True), ("finished",)]


# Calls.


def run(paper: CycleOnPaper, app: Any) -> None:
    paper.context.start(paper.cycle, app)
    paper.loop.settle()
    assert not paper.context.cycles


def test_a_call_of_the_application(paper: CycleOnPaper) -> None:
    """H-10: the cycle counts for as long as it lasts."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["method"] == "GET"
        assert paper.context.cycles == {paper.cycle}
        await send(start())
        await send(body(b"x"))

    run(paper, app)
    assert paper.said == [("respond", 200, b"x", True), ("finished",)]


class WebSocketDisconnect(Exception):
    """As frameworks have one."""


TOLD = WebSocketDisconnect()
QUIET = [ClientDisconnected(), asyncio.CancelledError(), TOLD, ExceptionGroup("", [TOLD])]
LOUD = [ValueError(), OSError(), ExceptionGroup("", [TOLD, ValueError()])]


@pytest.mark.parametrize("is_sure", [True, False])
@pytest.mark.parametrize("error", [None, *QUIET, *LOUD], ids=repr)
def test_a_call_that_ends_as_its_client_has_gone(
    paper: CycleOnPaper, caplog: pytest.LogCaptureFixture, error: BaseException | None, is_sure: bool
) -> None:
    """H-16: not a failure, and nothing is sent; other errors are logged as usual."""
    caplog.set_level("DEBUG")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if error is not None:
            raise error

    paper.context.start(paper.cycle, app)
    paper.cycle.feed_end()
    paper.cycle.disconnect() if is_sure else paper.cycle.end_input()
    paper.loop.settle()
    assert not paper.context.cycles
    levels = [record.levelname for record in caplog.records if record.name == "esg.error"]
    assert levels == ([] if error is None else ["ERROR"] if error in LOUD else ["DEBUG"])
    answer = [("respond", 500, b"Internal Server Error", True), ("finished",)]
    assert paper.said == ([] if is_sure else answer if error in LOUD else [("give up",)])


def test_any_error_is_no_failure_when_the_client_has_gone_within_its_request(
    paper: CycleOnPaper, caplog: pytest.LogCaptureFixture
) -> None:
    """H-16: frameworks may report an incomplete body as they like."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await receive() == DISCONNECT
        raise ValueError("not a message of http.request")

    paper.context.start(paper.cycle, app)
    paper.loop.settle()
    paper.cycle.disconnect()
    paper.loop.settle()
    assert not paper.context.cycles
    assert caplog.records == []


@pytest.mark.parametrize("error", [ValueError, ClientDisconnected, asyncio.CancelledError, SystemExit])
def test_a_call_that_raises(paper: CycleOnPaper, error: type[BaseException]) -> None:
    """H-10: the client is answered, whatever is raised."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise error("broken")

    run(paper, app)
    assert paper.said == [("respond", 500, b"Internal Server Error", True), ("finished",)]


def test_a_call_that_is_cancelled_while_the_server_ends(paper: CycleOnPaper, caplog: pytest.LogCaptureFixture) -> None:
    """L-2: one line says so, without a traceback; the client is answered."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(100)

    paper.context.start(paper.cycle, app)
    paper.loop.settle()
    paper.context.drain()
    paper.cycle.task.cancel()
    paper.loop.run_until_complete(paper.context.wait_quiet())
    assert paper.said == [("respond", 500, b"Internal Server Error", True), ("finished",)]
    [record] = caplog.records
    assert "cancelled a request that was still running: GET /" in record.getMessage()
    assert record.exc_info is None


def test_the_last_call_to_end_lets_the_server_end(loop: ManualLoop, paper: CycleOnPaper) -> None:
    """L-2."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(start())
        await send(body())

    paper.context.start(paper.cycle, app)
    paper.context.drain()
    waiting = loop.create_task(paper.context.wait_quiet())
    loop.settle()
    assert not waiting.done()
    paper.cycle.feed_end()
    loop.settle()
    assert waiting.done()


def test_a_body_in_tiny_parts_is_not_held_part_by_part(paper: CycleOnPaper) -> None:
    """H-20: a part costs more than its bytes."""
    for _ in range(10_000):
        paper.cycle.feed(b"xy")
    assert len(paper.cycle._body or []) <= MOST_PIECES
    assert paper.receive() == request(b"xy" * 10_000, more=True)
