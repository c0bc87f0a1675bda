"""Applications whose response is late: their call is cancelled, and the client gets a 504 (rule H-24)."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from esg_core.asgi import Application, Receive, Scope, Send
from esg_core.deadlines import TICK, UNWATCHED
from esg_core.figures.tally import Tally
from esg_core.overload.loop_load import CPUMeter
from tests.http.corpus.case import get, head, post
from tests.http.misbehaviour.case import EARLY_HINT, body, length, start
from tests.support.behaviour.kinds import hello
from tests.support.behaviour.over_streams import HTTP2, HTTP3, OF_HTTP3, ask, connect
from tests.support.http.asking import answers, by_path
from tests.support.http.client import Response
from tests.support.http.memory import MemoryServer
from tests.support.http.sockets import QUIC_ON_UVLOOP, TCP, SocketServer, Wiring
from tests.support.installed import PARSER, PARSERS
from tests.support.ws.memory import CODECS, WebSocketServer

LIMIT = 2.0
GRACE = 1.0
LATE = LIMIT + 3 * TICK + 0.01
"""Seconds by which a late call is ended."""

each_parser = pytest.mark.parametrize("parser", PARSERS)
each_version = pytest.mark.parametrize("version", [*PARSERS, HTTP2, OF_HTTP3])


class Late:
    """An application that answers after some seconds, and notes when it was cancelled."""

    def __init__(self, seconds: float = 1000) -> None:
        self._seconds = seconds
        self.cancelled_after: list[float] = []
        self.told: list[object] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError as error:
            self.cancelled_after.append(loop.time() - began)
            self.told += error.args
            raise
        await hello(scope, receive, send)


class Talk:
    """One client of a server in memory, over HTTP/1.1, HTTP/2 or HTTP/3."""

    def __init__(self, server: MemoryServer, version: str) -> None:
        self.server = server
        self._many = connect(server, version) if version in (HTTP2, HTTP3) else None
        self.transport = server.connect()

    def ask(self, request: bytes = get()) -> int:
        """Send a request; returns its stream."""
        if self._many is None:
            self.transport.feed(request)
            self.server.loop.settle()
            return 0
        return ask(self._many, request)

    def wait(self, seconds: float) -> None:
        self.server.loop.advance(seconds)
        if self._many is not None:
            self._many.turn()

    def response(self, number: int = 0, method: str = "GET") -> Response | None:
        """The final response so far; None if there is none."""
        if self._many is not None:
            answer = self._many.answers[number]
            return Response(answer.status, answer.fields, answer.body) if answer.status else None
        got = [response for response in answers(self.transport, method) if response.status >= 200]
        return got[0] if got else None

    def is_reset(self, number: int = 0) -> bool:
        """Whether the exchange was cut off: the connection, or in HTTP/2 and HTTP/3 its stream alone."""
        if self._many is None:
            return self.transport.closed
        assert not self._many.is_over
        return self._many.answers[number].reset == self._many.internal_error

    def vanish(self) -> None:
        """Lose the connection."""
        if self._many is None:
            self.transport.reset()
        else:
            self._many.vanish()


@contextmanager
def serving(app: Application, version: str, **options: object) -> Iterator[Talk]:
    parser = version if version in PARSERS else PARSER
    with MemoryServer(app, parser, **{"timeout_response": LIMIT, **options}) as server:
        yield Talk(server, version)


@each_version
def test_a_late_call_is_cancelled_and_its_client_gets_504(version: str) -> None:
    """H-24: in time, and the connection goes on."""
    app = Late()
    with serving(by_path(late=app, root=hello), version) as talk:
        number = talk.ask(get(target=b"/late"))
        talk.wait(LATE)
        response = talk.response(number)
        assert response is not None
        assert (response.status, response.body) == (504, b"Gateway Timeout")
        assert [LIMIT <= seconds <= LATE for seconds in app.cancelled_after] == [True]
        assert app.told == ["the response is late (timeout-response)"]
        said = "ended a call whose response was late (timeout-response): GET /late"
        assert [record.getMessage() for record in talk.server.log.records] == [said]
        response = talk.response(talk.ask())
        assert response is not None
        assert response.status == 200


@each_version
@pytest.mark.parametrize("seconds", [0.0, LIMIT - 0.01])
def test_a_response_in_time_is_left_alone(version: str, seconds: float) -> None:
    """H-24: nothing is ended early, however the ticks fall."""
    app = Late(seconds)
    with serving(app, version) as talk:
        for shift in (0.0, 0.1, 0.2, 0.24):
            talk.wait(shift)
            number = talk.ask()
            talk.wait(seconds)
            response = talk.response(number)
            assert response is not None
            assert response.status == 200
    assert app.cancelled_after == []


@each_parser
def test_without_the_option_a_call_takes_its_time(parser: str) -> None:
    """H-24: off by default."""
    with serving(Late(300), parser, timeout_response=None) as talk:
        talk.ask()
        assert talk.server.context.call_deadlines is None
        talk.wait(301)
        response = talk.response()
        assert response is not None
        assert response.status == 200


async def streams(scope: Scope, receive: Receive, send: Send) -> None:
    """Begins at once, and sends its only part much later."""
    await send(start())
    await asyncio.sleep(20)
    await send(body(b"x"))


async def rests(scope: Scope, receive: Receive, send: Send) -> None:
    """Has work after its response."""
    await hello(scope, receive, send)
    await asyncio.sleep(20)
    raise RuntimeError("it was not cancelled")


@each_version
def test_a_response_that_has_begun_is_left_alone(version: str) -> None:
    """H-24: at `http.response.start`, although its head waits for the first part (H-4)."""
    with serving(streams, version) as talk:
        number = talk.ask()
        talk.wait(21)
        response = talk.response(number)
        assert response is not None
        assert (response.status, response.body) == (200, b"x")


@each_version
def test_work_after_the_response_is_left_alone(version: str) -> None:
    """H-24: it is the start of the response that counts."""
    with serving(rests, version) as talk:
        number = talk.ask()
        talk.wait(21)
        response = talk.response(number)
        assert response is not None
        assert response.status == 200
        assert len(talk.server.log.texts(logging.ERROR)) == 1


@each_version
def test_hints_are_not_the_start(version: str) -> None:
    """H-24: neither 103, nor the 100 of a client that waits for it."""

    async def hints(scope: Scope, receive: Receive, send: Send) -> None:
        await send(EARLY_HINT)
        while (await receive())["more_body"]:
            pass

    with serving(hints, version) as talk:
        number = talk.ask(post(b"Content-Length: 5", b"Expect: 100-continue"))
        talk.wait(LATE)
        response = talk.response(number, "POST")
        assert response is not None
        assert response.status == 504


@each_version
def test_the_time_of_an_upload_counts(version: str) -> None:
    """H-24: from the head, not from the end of the body."""

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass

    with serving(reads, version) as talk:
        number = talk.ask(post(b"Content-Length: 5", body=b"h"))
        talk.wait(LATE)
        response = talk.response(number, "POST")
        assert response is not None
        assert response.status == 504


@each_parser
def test_the_answer_to_head_has_no_body(parser: str) -> None:
    """H-24, H-3."""
    with serving(Late(), parser) as talk:
        talk.ask(head(b"HEAD / HTTP/1.1", b"Host: t"))
        talk.wait(LATE)
        response = talk.response(method="HEAD")
        assert response is not None
        assert (response.status, response.body) == (504, b"")


async def answers_itself(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        await send(start(503, length(b"4")))
        await send(body(b"busy"))


async def returns(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        return


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        raise ValueError("broken") from None


@each_version
@pytest.mark.parametrize(("app", "status"), [(answers_itself, 503), (returns, 504), (fails, 504)])
def test_a_cancelled_call_may_answer_itself(version: str, app: Application, status: int) -> None:
    """H-24: or end in any other way; only an error of its own is logged as one."""
    with serving(app, version) as talk:
        number = talk.ask()
        talk.wait(LATE)
        response = talk.response(number)
        assert response is not None
        assert response.status == status
        assert len(talk.server.log.texts(logging.ERROR)) == (app is fails)
        assert len(talk.server.log.texts(logging.WARNING)) == (status == 504)


class Deaf:
    """Ignores its cancellation until it may stop."""

    def __init__(self, seconds: float = 5) -> None:
        self._seconds = seconds
        self.may_stop = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while not self.may_stop:
            try:
                await self.works()
            except asyncio.CancelledError:
                continue

    async def works(self) -> None:
        await asyncio.sleep(self._seconds)


@each_version
def test_a_call_is_cancelled_a_tick_after_it_is_told(version: str) -> None:
    times: list[float] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        try:
            times.append(asyncio.get_running_loop().time())
            await asyncio.sleep(1000)
        finally:
            times.append(asyncio.get_running_loop().time())

    with serving(app, version) as talk:
        talk.ask()
        talk.wait(LATE + TICK)
    told, cancelled = times
    assert cancelled - told == pytest.approx(TICK, abs=0.01)


@each_version
def test_a_call_that_answers_when_it_is_told_goes_on(version: str) -> None:
    """H-24: work after its response is left alone."""
    ends: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        await hello(scope, receive, send)
        try:
            await asyncio.sleep(2 * LATE)
            ends.append("done")
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    with serving(app, version) as talk:
        number = talk.ask()
        talk.wait(2 * LATE)
        deadlines = talk.server.context.call_deadlines
        assert deadlines is not None
        assert (deadlines._late, ends) == ({}, [])
        talk.wait(2 * LATE)
        response = talk.response(number)
        assert response is not None
        assert response.status == 200
    assert ends == ["done"]


@each_version
def test_a_call_that_ignores_its_cancellation_is_cut_off(version: str) -> None:
    """H-24: after a second; one line says where its task stands; other streams of the connection go on."""
    app = Deaf()
    with serving(by_path(deaf=app, root=hello), version) as talk:
        number = talk.ask(get(target=b"/deaf"))
        talk.wait(LIMIT + GRACE - 0.01)
        assert not talk.is_reset(number)
        talk.wait(LATE - LIMIT + TICK)
        assert talk.response(number) is None
        assert talk.is_reset(number)
        [said] = [record.getMessage() for record in talk.server.log.records]
        assert "ignores its cancellation (timeout-response): GET /deaf: sleep() in tasks.py:" in said
        assert ", called by works() in test_late_responses.py:" in said
        if version not in PARSERS:
            response = talk.response(talk.ask())
            assert response is not None
            assert response.status == 200
        app.may_stop = True
        talk.wait(6)
        assert not talk.server.context.cycles
        assert len(talk.server.log.records) == 1


@each_version
def test_waiting_in_line_does_not_count(version: str) -> None:
    """H-24, A-6: the time begins with the call."""
    options = {"limit_concurrent_requests": 1, "backpressure": True, "backpressure_queue_timeout": 60}
    with serving(Late(LIMIT - 0.5), version, **options) as talk:
        other = Talk(talk.server, version)
        first, second = talk.ask(), other.ask()
        talk.wait(LIMIT - 0.5)
        other.wait(LIMIT - 0.5)
        for response in (talk.response(first), other.response(second)):
            assert response is not None
            assert response.status == 200


@each_parser
def test_a_pipelined_request_has_its_own_time(parser: str) -> None:
    """H-24, H-6: from when its call begins."""
    with serving(Late(LIMIT - 0.5), parser) as talk:
        talk.ask(get() + get())
        talk.wait(LATE + LIMIT)
        assert [response.status for response in answers(talk.transport)] == [200, 200]


@each_version
def test_a_late_call_ends_while_the_server_drains(version: str) -> None:
    """H-24, L-2."""
    with serving(Late(), version) as talk:
        number = talk.ask()
        talk.server.context.drain()
        talk.wait(LATE)
        response = talk.response(number)
        assert response is not None
        assert response.status == 504
        assert talk.server.log.texts(logging.ERROR) == []


@each_version
def test_a_client_that_has_left_is_not_answered(version: str) -> None:
    """H-24, H-16: the call goes on: its time is that of `timeout-disconnected`."""
    app = Late(5)
    with serving(app, version) as talk:
        talk.ask()
        talk.vanish()
        talk.server.loop.advance(6)
    assert app.cancelled_after == []
    assert talk.server.log.trouble == []


@each_version
def test_a_504_is_counted_by_its_reason_and_seen_by_the_hook(version: str) -> None:
    """H-24, M-1, R-1."""
    seen = []
    with serving(Late(), version) as talk:
        context = talk.server.context
        context.tally = tally = Tally(CPUMeter(), context)
        context.on_response = lambda scope, status, headers: seen.append(status)
        number = talk.ask()
        talk.wait(LATE)
        response = talk.response(number)
        assert response is not None
        assert response.status == 504
        assert tally.refusals["response_timeout"] == 1
        assert [record["status"] for record in tally.ended] == [504]
    assert seen == [504]


@each_parser
def test_l5_nothing_is_looked_at_while_no_call_waits(parser: str) -> None:
    """H-24, L-5: neither before the first request, nor after the last, nor during a stream."""
    with serving(by_path(root=hello, stream=streams, late=Late()), parser, timeout_keep_alive=60) as talk:
        deadlines = talk.server.context.call_deadlines
        assert deadlines is not None
        for target in (b"/", b"/stream"):
            talk.ask(get(target=target))
            talk.wait(1)
            assert deadlines.check_at == UNWATCHED
            talk.wait(20)
            answers(talk.transport)
        talk.ask(get(target=b"/late"))
        talk.wait(LATE)
        response = talk.response()
        assert response is not None
        assert response.status == 504


async def never_accepts(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await asyncio.sleep(1000)


async def accepts(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    await asyncio.sleep(20)
    await send({"type": "websocket.send", "text": "here"})


@pytest.mark.parametrize("codec", CODECS)
def test_of_a_websocket_the_handshake_counts(codec: str) -> None:
    """H-24: a late one gets 504; one that is accepted stays for as long as it likes."""
    with WebSocketServer(never_accepts, codec, timeout_response=LIMIT) as server:
        client = server.ask()
        server.loop.advance(LATE)
        assert client.head.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
        assert len(server.log.records) == 1
    with WebSocketServer(accepts, codec, timeout_response=LIMIT) as server:
        client = server.open()
        server.loop.advance(21)
        assert client.payloads == [b"here"]
    app = Deaf()
    with WebSocketServer(app, codec, timeout_response=LIMIT) as server:
        client = server.ask()
        server.loop.advance(LATE + GRACE + TICK)
        assert client.ended
        assert client.head == b""
        app.may_stop = True
        server.loop.advance(6)


@pytest.mark.parametrize("wiring", [*TCP, Wiring("h11"), *QUIC_ON_UVLOOP], ids=str)
def test_over_sockets(wiring: Wiring) -> None:
    """H-24: 504, or a reset, with each loop."""
    app = Deaf(0.1)
    served = by_path(late=Late(), deaf=app, root=hello)
    with SocketServer(served, wiring, timeout_response=0.2) as server:
        with server.connect() as client:
            assert client.ask(get(target=b"/late")).status == 504
            assert client.ask(get()).status == 200
            client.send(get(target=b"/deaf"))
            with pytest.raises((ConnectionResetError, EOFError)):
                client.response()
            app.may_stop = True
        server.wait_idle()
