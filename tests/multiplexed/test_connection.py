"""Connections of HTTP/2 and HTTP/3 with their cycles: what holds for both, whatever the frames."""

from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.unheard import GRACE
from tests.support.behaviour.over_streams import HTTP2, connect, each_version, request
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http2.applications import Held, hello

POST = b"POST"


@each_version
def test_2_1_a_request(version: str) -> None:
    """Q-1: the scope has the version, the host is the authority, and no pseudo-header fields are left."""
    app = Recorder()
    with MemoryServer(app) as server:
        client = connect(server, version)
        answer = client.fetch(request(client, b"/a%20b?c=d", POST, (b"accept", b"*/*")), b"12345")
    assert (answer.status, answer.body, answer.complete) == (200, b"5 bytes", True)
    assert answer.headers[b"server"] == b"esg"
    assert b"date" in answer.headers
    scope = app.calls[0].scope
    assert (scope["http_version"], scope["scheme"]) == (("2", "http") if version == HTTP2 else ("3", "https"))
    assert (scope["path"], scope["query_string"]) == ("/a b", b"c=d")
    assert scope["headers"] == [(b"host", b"a.test"), (b"accept", b"*/*")]
    assert app.calls[0].body == b"12345"


@each_version
def test_2_2_responses_come_in_any_order(version: str) -> None:
    """Q-4."""
    app = Held()
    with MemoryServer(app) as server:
        client = connect(server, version)
        first, second = client.ask(), client.ask()
        client.turn()
        app.go(1)
        client.turn()
        assert (client.answers[first].complete, client.answers[second].complete) == (False, True)
        app.go(0)
        client.turn()
        assert client.answers[first].body == b"hello"


@each_version
def test_2_2_a_client_that_reads_no_stream_holds_up_only_that(version: str) -> None:
    """Q-4: and `send()` waits, until timeout-write ends the stream."""
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        if scope["path"] == "/small":
            await hello(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": bytes(20000), "more_body": True})
            sent += 20000

    with MemoryServer(app, timeout_write=3.0) as server:
        client = connect(server, version, window=0)
        stuck = client.ask(request(client, b"/big"))
        client.turn()
        assert sent < 200000
        small = client.ask(request(client, b"/small"))
        client.turn()
        client.widen(small, 100)
        client.turn()
        assert client.answers[small].body == b"hello"
        server.loop.advance(4.5)
        client.turn()
        assert client.answers[stuck].reset == client.cancelled
        server.loop.advance(2 * GRACE)
        assert not server.context.cycles


@each_version
def test_2_3_rapid_reset_calls_few_applications_and_ends_the_connection(version: str) -> None:
    """Q-3."""
    app = Held()
    with MemoryServer(app) as server:
        client = connect(server, version)
        for _ in range(501):
            client.cancel(client.ask())
        client.turn()
        assert app.most <= 100
        assert client.ended_with == client.excessive
        app.end()


@each_version
def test_2_3_running_calls_are_bounded_also_after_resets(version: str) -> None:
    """Q-3."""
    app = Held()
    with MemoryServer(app, h2_max_concurrent_streams=3) as server:
        client = connect(server, version)
        for _ in range(3):
            number = client.ask()
            client.turn()
            client.cancel(number)
            client.turn()
        refused = client.ask()
        client.turn()
        assert (app.running, app.calls, client.answers[refused].reset) == (3, 3, client.refused)
        app.end()
        server.loop.settle()
        client.ask()
        client.turn()
        assert app.calls == 4
        app.end()


@each_version
def test_2_5_idle_connections_end_in_order(version: str) -> None:
    """Q-7: HTTP/2 names the last stream, HTTP/3 the first that is not served."""
    with MemoryServer(hello, timeout_keep_alive=2.0) as server:
        client = connect(server, version)
        client.fetch(request(client))
        server.loop.advance(2.5)
        client.turn()
        assert client.goaways == ([(1, client.no_error)] if version == HTTP2 else [4])
        assert (client.is_over, client.ended_with) == (True, client.no_error)


@each_version
def test_2_1_the_cap_of_requests_counts_streams(version: str) -> None:
    """Q-7."""
    with MemoryServer(hello, limit_keepalive_requests=2) as server:
        client = connect(server, version)
        answers = [client.fetch(request(client)) for _ in range(2)]
        assert [answer.body for answer in answers] == [b"hello", b"hello"]
        assert client.goaways == ([(3, client.no_error)] if version == HTTP2 else [8])
        assert (client.is_over, client.ended_with) == (True, client.no_error)


@pytest.mark.parametrize(
    ("asked", "body", "options", "status"),
    [
        ((b"/" + b"a" * 200,), None, {"limit_request_line": 100}, 414),
        ((b"/", b"GET", *[(b"x", b"y")] * 200), None, {}, 431),
        ((b"/", b"GET", (b"x", b"y" * 3000)), None, {"limit_request_header_size": 2000}, 431),
        ((b"/", POST), b"x" * 200, {"limit_request_body": 100}, 413),
        ((b"/", POST, (b"content-length", b"200")), b"x" * 200, {"limit_request_body": 100}, 413),
    ],
    ids=["line", "fields", "field", "body", "length"],
)
@each_version
def test_h11_requests_beyond_the_limits_are_answered(
    version: str, asked: Any, body: bytes | None, options: dict[str, Any], status: int
) -> None:
    """Q-3."""
    app = Held()
    with MemoryServer(app, **options) as server:
        client = connect(server, version)
        assert client.fetch(request(client, *asked), body).status == status
        assert client.goaways == []
        app.end()


@each_version
def test_h18_beyond_limit_concurrency_the_connection_ends(version: str) -> None:
    """Q-3."""
    app = Held()
    with MemoryServer(app, limit_concurrency=1) as server:
        client = connect(server, version)
        served, refused = client.ask(), client.ask()
        client.turn()
        answer = client.answers[refused]
        assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")
        assert not client.is_over
        app.go(0)
        client.turn()
        assert client.answers[served].body == b"hello"
        assert client.is_over


@each_version
def test_h17_a_body_that_does_not_come_in_time(version: str) -> None:
    """Q-7."""
    with MemoryServer(Recorder(), timeout_request=2.0, timeout_request_headers=1.0) as server:
        client = connect(server, version)
        late, other = client.ask(request(client, b"/", POST), b"x", end=False), client.ask(request(client))
        client.turn()
        server.loop.advance(2.6)
        client.turn()
        assert client.answers[late].status == 408
        assert client.answers[other].complete
        assert not client.is_over


@each_version
def test_h16_a_client_that_cancels_is_told_of(version: str) -> None:
    """Q-5."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        seen.append((await receive())["type"])
        with pytest.raises(OSError, match="the client has disconnected"):
            await send({"type": "http.response.start", "status": 200, "headers": []})

    with MemoryServer(app) as server:
        client = connect(server, version)
        number = client.ask()
        client.turn()
        client.cancel(number)
        client.turn()
        assert seen == ["http.disconnect"]


@each_version
def test_q1_a_lost_connection_ends_its_calls(version: str) -> None:
    """H-16."""
    told = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal told
        while (await receive())["type"] != "http.disconnect":
            pass
        told += 1

    with MemoryServer(app) as server:
        client = connect(server, version)
        client.ask()
        client.ask(request(client, b"/", POST), b"x", end=False)
        client.turn()
        client.vanish()
        server.loop.settle()
        assert (told, len(server.context.connections)) == (2, 0)


@each_version
def test_2_4_trailers_and_early_hints(version: str) -> None:
    """Q-1."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert "http.response.trailers" in scope["extensions"]
        await send({"type": "http.response.early_hint", "links": [b"</a>; rel=preload"]})
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": b"x"})
        await send({"type": "http.response.trailers", "headers": [(b"x-a", b"1")], "more_trailers": True})
        await send({"type": "http.response.trailers", "headers": [(b"x-b", b"2")]})

    with MemoryServer(app) as server:
        client = connect(server, version)
        answer = client.fetch(request(client, b"/", b"GET", (b"te", b"trailers")))
    assert answer.hints == [[(b":status", b"103"), (b"link", b"</a>; rel=preload")]]
    assert (answer.body, answer.trailers, answer.complete) == (b"x", [(b"x-a", b"1"), (b"x-b", b"2")], True)


@each_version
def test_2_1_fields_of_a_connection_are_dropped(version: str) -> None:
    """Q-1."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        names = (b"Connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"X-Kept")
        headers = [(name, b"close") for name in names]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    with MemoryServer(app) as server:
        answer = connect(server, version).fetch()
    assert answer.headers.keys() == {b":status", b"server", b"date", b"x-kept"}
