"""Limits on connections, requests and bodies (rules H-2, H-11, H-18). Those of heads are in the corpus."""

import asyncio
import threading

import pytest

from esg_core.asgi import Receive, Scope, Send
from tests.http.corpus.case import chunked, get, head, post
from tests.http.misbehaviour.case import body, start
from tests.support.behaviour.kinds import hello, reads
from tests.support.behaviour.pace import UntilTheEnd
from tests.support.http.asking import answers, ask, by_path, ended
from tests.support.http.client import Incomplete, Response
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http.sockets import QUIC_ON_UVLOOP, TCP, WIRINGS, SocketServer, Wiring
from tests.support.installed import PARSERS

each_wiring = pytest.mark.parametrize("wiring", WIRINGS, ids=str)
each_parser = pytest.mark.parametrize("parser", PARSERS)


class Busy:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.answer = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        await asyncio.to_thread(self.answer.wait, 10)
        await hello(scope, receive, send)


async def works_on(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers, and stays busy for another half minute."""
    await hello(scope, receive, send)
    await asyncio.sleep(30)


def is_refusal(response: Response) -> bool:
    """Whether this is the 503 of H-18."""
    refused = (response.status, response.body, response.get(b"retry-after")) == (503, b"Service Unavailable", b"1")
    return refused and response.get(b"connection") == b"close" and response.get(b"content-type") is not None


# H-18: limit-concurrency.


@each_wiring
@pytest.mark.parametrize("limit", [1, 3])
def test_so_many_are_served_and_no_more(limit: int, wiring: Wiring) -> None:
    """H-18: the next is refused at once and may come back when there is room again."""
    app = Busy()
    with SocketServer(app, wiring, limit_concurrency=limit) as server:
        served = [server.connect().send(get()) for _ in range(limit)]
        server.wait_until(lambda: len(server.context.cycles) == limit)
        with server.connect() as client:
            assert is_refusal(client.ask(get()))
            assert client.rest() == b""
        assert app.calls == limit
        app.answer.set()
        for client in served:
            with client:
                assert client.response().body == b"hello"
        server.wait_idle()
        with server.connect() as client:
            assert client.ask(get()).body == b"hello"
    assert len([text for text in server.log.texts(30) if "limit-concurrency" in text]) == 1


@each_parser
def test_who_came_first_is_served_whoever_came_later(parser: str) -> None:
    """H-18: connections beyond the limit take nothing from those within it, idle or not."""
    with MemoryServer(hello, parser, limit_concurrency=2) as server:
        first, second, third = server.connect(), server.connect(), server.connect()
        for _ in range(3):
            assert ask(server, first, get()).status == 200
            assert ask(server, second, get()).status == 200
        second.reset()
        server.loop.settle()
        assert ask(server, third, get()).status == 200
        fourth = server.connect()
        assert is_refusal(ask(server, fourth, get()))


def test_applications_that_go_on_after_their_response_count() -> None:
    """H-18: connections or tasks."""
    with MemoryServer(works_on, limit_concurrency=2, timeout_keep_alive=60) as server:
        transport = server.connect()
        statuses = [ask(server, transport, get()).status for _ in range(3)]
        assert statuses == [200, 200, 503]
        server.loop.advance(31)
        assert ask(server, server.connect(), get()).status == 200
        server.loop.advance(31)


@pytest.mark.parametrize(
    "data",
    [
        head(b"HEAD / HTTP/1.1", b"Host: t"),
        head(b"GET / HTTP/1.0"),
        post(b"Content-Length: 5", body=b"hello"),
        post(b"Content-Length: 5"),
        chunked(b"5\r\nhel"),
    ],
    ids=["head", "1.0", "posted", "unread", "chunked"],
)
def test_a_refusal_of_any_request(data: bytes) -> None:
    """H-18: framed as the request requires, and followed by the end of the connection."""
    with MemoryServer(hello, limit_concurrency=1) as server:
        server.connect()
        transport = server.connect()
        response = ask(server, transport, data)
        assert (response.status, response.get(b"connection")) == (503, b"close")
        assert response.body == (b"" if data.startswith(b"HEAD") else b"Service Unavailable")
        assert ended(transport)


# limit-keepalive-requests.


@each_wiring
def test_the_last_request_of_a_connection_is_announced(wiring: Wiring) -> None:
    """H-2: of seven pipelined requests, five are executed and answered."""
    app = Recorder()
    with SocketServer(app, wiring, limit_keepalive_requests=5) as server, server.connect() as client:
        client.send(get() * 7)
        said = [client.response().get(b"connection") for _ in range(5)]
        assert said == [None, None, None, None, b"close"]
        assert client.rest() == b""
    assert len(app.calls) == 5


def test_a_limit_of_one_request() -> None:
    """H-2."""
    with MemoryServer(hello, limit_keepalive_requests=1) as server:
        transport = server.connect()
        assert ask(server, transport, get()).get(b"connection") == b"close"
        assert ended(transport)


@pytest.mark.parametrize("limit", [0, None])
def test_no_limit_of_requests(limit: int | None) -> None:
    """H-2."""
    with MemoryServer(hello, limit_keepalive_requests=limit) as server:
        transport = server.connect()
        for _ in range(100):
            transport.feed(get() * 100)
            server.loop.settle()
        assert len(answers(transport)) == 10_000
        assert not ended(transport)


# limit-request-body.


@each_wiring
def test_a_body_that_is_announced_too_large_is_not_asked_for(wiring: Wiring) -> None:
    """H-11: 413 before the application is called, also for a client that waits for 100 Continue."""
    app = Recorder()
    with SocketServer(app, wiring, limit_request_body=10) as server:
        for lines in ((), (b"Expect: 100-continue",)):
            with server.connect() as client:
                response = client.ask(post(b"Content-Length: 11", *lines))
                assert (response.status, response.get(b"connection")) == (413, b"close")
                assert client.rest() == b""
        with server.connect() as client:
            assert client.ask(post(b"Content-Length: 10", body=b"x" * 10)).body == b"10 bytes"
    assert len(app.calls) == 1


@each_wiring
def test_a_body_that_grows_too_large(wiring: Wiring) -> None:
    """H-11: 413 in the middle of the upload, which the client can read; the application gets the disconnect."""
    app = UntilTheEnd()
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    with SocketServer(app, wiring, limit_request_body=100_000) as server, server.connect() as client:
        client.send(chunked(b""))
        for _ in range(24):
            client.send(chunk)
        server.wait_until(lambda: server.context.cycles)
        client.send(chunk * 20)
        response = client.response("POST")
        assert (response.status, response.body, response.get(b"connection")) == (413, b"Content Too Large", b"close")
        assert client.rest() == b""
        server.wait_until(lambda: app.told == ["receive", "send"])
    assert server.log.texts(40) == []


@each_parser
def test_content_counts_and_not_its_framing(parser: str) -> None:
    """H-11: at the limit exactly, in chunks as small as they get."""
    app = Recorder()
    with MemoryServer(app, parser, limit_request_body=50) as server:
        transport = server.connect()
        assert ask(server, transport, chunked(b"1;a=b\r\nx\r\n" * 50 + b"0\r\n\r\n")).body == b"50 bytes"
        transport.feed(chunked(b"1\r\nx\r\n" * 51))
        server.loop.settle()
        assert answers(transport, "POST")[-1].status == 413
        assert ended(transport)


def test_a_response_that_has_begun_is_cut() -> None:
    """H-11: there is no other way to tell the client."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"part", more_body=True))
        while (await receive())["type"] != "http.disconnect":
            pass

    with MemoryServer(app, limit_request_body=10) as server:
        transport = server.connect()
        transport.feed(chunked(b"5\r\nhello\r\n"))
        server.loop.settle()
        transport.feed(b"6\r\nhello!\r\n")
        server.loop.settle()
        with pytest.raises(Incomplete):
            answers(transport, "POST")
        assert ended(transport)
    assert server.log.texts(40) == []


@pytest.mark.parametrize("limit", [0, None])
def test_no_limit_of_bodies(limit: int | None) -> None:
    """H-11: nothing is too large then."""
    with MemoryServer(by_path(root=reads), limit_request_body=limit) as server:
        transport = server.connect()
        assert ask(server, transport, post(b"Content-Length: 10000000", body=b"x" * 10_000_000)).status == 200
        assert not ended(transport)


@pytest.mark.parametrize("wiring", [*TCP, *QUIC_ON_UVLOOP], ids=str)
def test_a_crowd_beyond_the_limit_recovers(wiring: Wiring) -> None:
    """H-18: after a rush, all clients are served again."""
    with SocketServer(hello, wiring, limit_concurrency=5) as server:
        crowd = [server.connect() for _ in range(20)]
        statuses = [client.ask(get()).status for client in crowd]
        assert statuses == [200] * 5 + [503] * 15
        for client in crowd:
            client.close()
        server.wait_idle()
        with server.connect() as client:
            assert client.ask(get()).status == 200
