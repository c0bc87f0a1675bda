"""Requests are counted to the last one (rule M-1): both parsers, all versions of HTTP, whatever becomes of them."""

from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.figures.outcomes import SHORT
from esg_core.figures.tally import Tally
from esg_http.call import cycle as cycle_module
from tests.support.behaviour.over_streams import HTTP2, HTTP3, connect, each_version, websocket_request
from tests.support.figures.counting import Meter, counted_by, tally_of
from tests.support.http.memory import MemoryServer
from tests.support.http2.driven import Client as H2Client
from tests.support.installed import PARSERS
from tests.support.ws.frames import close, text
from tests.support.ws.memory import Recorder, WebSocketServer

each_parser = pytest.mark.parametrize("parser", PARSERS)


async def answer_as_asked(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the status and the size that the path names, once the whole body has come."""
    while (await receive()).get("more_body"):
        pass
    _, status, size = scope["path"].split("/")
    await send({"type": "http.response.start", "status": int(status), "headers": []})
    await send({"type": "http.response.body", "body": b"x" * int(size)})


def counting(server: MemoryServer) -> Tally:
    """Count from now on, as a server with the option does from its start."""
    server.context.tally = tally = Tally(Meter(), server.context)
    return tally


@each_parser
def test_websockets(parser: str) -> None:
    with WebSocketServer(Recorder(), "websockets", parser) as server:
        tally = counting(server)
        client = server.open()
        client.say(text("a"), text("b"), text("c"))
        figures = counted_by(tally)
        assert figures.nonzero("esg_http_requests") == {("GET", "1.1", "101"): 1}
        assert figures.nonzero("esg_http_request_duration_seconds") == {}
        assert (figures.one("esg_websockets"), figures.one("esg_websockets_opened")) == (1, 1)
        assert figures.one("esg_connections", "websocket") == 1
        assert figures.one("esg_http_requests_in_progress") == 0
        assert figures.one("esg_websockets_messages_received") == 3
        assert figures.one("esg_websockets_messages_sent") == 3
        server.loop.advance(7)
        client.say(close(1001))
        client.hang_up()
        figures = counted_by(tally)
        assert figures.nonzero("esg_websockets_closes") == {("1001",): 1}
        assert figures.one("esg_websocket_duration_seconds") == 1
        [duration] = figures["esg_websocket_duration_seconds"].values()
        assert duration.total == pytest.approx(7, abs=0.1)


def test_a_refused_handshake_is_a_bad_request_and_a_response() -> None:
    with WebSocketServer(Recorder()) as server:
        tally = counting(server)
        client = server.connect()
        client.feed(b"POST / HTTP/1.1\r\nHost: t\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        server.loop.settle()
        figures = counted_by(tally)
    assert figures.nonzero("esg_http_bad_requests") == {("405",): 1}
    assert figures.nonzero("esg_http_requests") == {("POST", "1.1", "405"): 1}


@each_version
def test_a_websocket_in_a_stream_is_a_handshake_of_200(version: str) -> None:
    with WebSocketServer(Recorder()) as server:
        tally = counting(server)
        client = connect(server, version)
        client.ask(websocket_request(client), end=False)
        client.turn()
        figures = counted_by(tally)
        assert figures.nonzero("esg_http_requests") == {("CONNECT", version.removeprefix("http"), "200"): 1}
        assert figures.nonzero("esg_http_request_duration_seconds") == {}
        assert figures.one("esg_websockets") == 1
        open_streams = [figures.one(f"esg_http{number}_streams") for number in (2, 3)]
        assert open_streams == [version == HTTP2, version == HTTP3]


@each_parser
def test_what_never_became_a_request(parser: str) -> None:
    with MemoryServer(answer_as_asked, parser) as server:
        tally = counting(server)
        for data in (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", b"\0\r\n\r\n", b"GET / HTTP/3.0\r\nHost: t\r\n\r\n"):
            server.connect().feed(data)
        server.loop.settle()
        figures = counted_by(tally)
    assert figures.nonzero("esg_http_bad_requests") == {("400",): 2, ("505",): 1}
    assert figures.nonzero("esg_http_requests") == {}


def test_a_goaway_is_counted_by_its_code() -> None:
    with MemoryServer(answer_as_asked) as server:
        tally = counting(server)
        client = H2Client(server)
        client.raw(b"\0\0\x04\x08\0\0\0\0\0\0\0\0\0")  # WINDOW_UPDATE by nothing
        assert [code for _, code in client.goaways] == [1]
        figures = counted_by(tally)
    assert figures.nonzero("esg_http2_connection_errors") == {("PROTOCOL_ERROR",): 1}


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_client_that_leaves(is_begun: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if is_begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    with MemoryServer(app) as server:
        tally = counting(server)
        transport = server.connect()
        transport.feed(b"GET /a HTTP/1.1\r\nHost: t\r\n\r\n")
        server.loop.settle()
        assert counted_by(tally).one("esg_http_requests_in_progress") == 1
        assert counted_by(tally).nonzero("esg_connections") == {("1.1",): 1}
        transport.reset()
        server.loop.settle()
        assert counted_by(tally).nonzero("esg_connections") == {}
        figures = counted_by(tally)
    assert figures.one("esg_http_requests_aborted") == 1
    assert figures.nonzero("esg_http_requests") == {}
    [ended] = tally.ended
    assert (ended["reason"], ended["status"], ended["path"]) == ("aborted", 200 if is_begun else None, "/a")


def test_an_application_that_fails_midway() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise RuntimeError("midway")

    with MemoryServer(app) as server:
        tally = counting(server)
        server.connect().feed(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        server.loop.settle()
    assert [ended["reason"] for ended in tally.ended] == ["failed"]
    assert counted_by(tally).one("esg_http_requests_aborted") == 1


def test_refusals() -> None:
    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    with MemoryServer(wait, limit_concurrent_requests=1) as server:
        tally = counting(server)
        for _ in range(3):
            server.connect().feed(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        server.loop.settle()
        figures = counted_by(tally)
    assert figures.nonzero("esg_http_requests_refused") == {("limit",): 2}
    assert figures.nonzero("esg_http_requests") == {("GET", "1.1", "503"): 2}
    assert (figures.one("esg_http_requests_in_progress"), figures.one("esg_http_requests_limit")) == (1, 1)


def test_limit_concurrency() -> None:
    with MemoryServer(answer_as_asked, limit_concurrency=1) as server:
        tally = counting(server)
        transports = [server.connect() for _ in range(2)]
        transports[1].feed(b"GET /200/1 HTTP/1.1\r\nHost: t\r\n\r\n")
        server.loop.settle()
    assert counted_by(tally).nonzero("esg_http_requests_refused") == {("concurrency",): 1}


def test_health_is_not_counted() -> None:
    with MemoryServer(answer_as_asked, health=True) as server:
        tally = counting(server)
        transport = server.connect()
        transport.feed(b"GET /__esg_health__ HTTP/1.1\r\nHost: t\r\n\r\n")
        server.loop.settle()
        assert b"200 OK" in transport.read()
    assert counted_by(tally).nonzero("esg_http_requests") == {}


@pytest.mark.parametrize(
    ("seconds", "bucket", "is_slow"), [(0.0, 0, False), (SHORT, 0, False), (0.2, 6, False), (3.0, 11, True)]
)
def test_how_long_a_request_took(monkeypatch: pytest.MonkeyPatch, seconds: float, bucket: int, is_slow: bool) -> None:
    times = iter((100.0, 100.0 + seconds))
    monkeypatch.setattr(cycle_module, "perf_counter", lambda: next(times))
    with MemoryServer(answer_as_asked) as server:
        tally = counting(server)
        server.connect().feed(b"GET /200/1 HTTP/1.1\r\nHost: t\r\nX-Request-Id: r-1\r\n\r\n")
        server.loop.settle()
    [histogram] = counted_by(tally)["esg_http_request_duration_seconds"].values()
    assert histogram.counts[bucket] == 1
    assert histogram.total == pytest.approx(seconds)
    told: list[Any] = [(ended["reason"], ended["id"]) for ended in tally_of(server.context).ended]
    assert told == ([("slow", "r-1")] if is_slow else [])
    assert [found.trace_id for found in histogram.exemplars if found] == (["r-1"] if is_slow else [])
