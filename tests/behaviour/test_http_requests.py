"""What becomes of a request: expectations, failures, upgrades, and the scope (rules H-5, H-10, H-13, H-15)."""

import shutil
import ssl
import subprocess
from typing import Any

import pytest

from esg_core.asgi import Headers, Receive, Scope, Send
from tests.http.corpus.case import chunked, get, head, post
from tests.http.misbehaviour.case import body, length, raises, sends, start
from tests.support.behaviour.kinds import fails, hello, in_parts, reads
from tests.support.http.asking import answers, ask, by_path, echo, ended
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http.sockets import (
    LOOPS_AND_WIRES,
    QUIC_ON_ASYNCIO,
    QUIC_ON_UVLOOP,
    TCP,
    WIRINGS,
    SocketServer,
    Wiring,
)
from tests.support.installed import PARSERS

EXPECTS = (b"Content-Length: 5", b"Expect: 100-continue")

each_parser = pytest.mark.parametrize("parser", PARSERS)
each_wiring = pytest.mark.parametrize("wiring", WIRINGS, ids=str)


def statuses(server: MemoryServer, transport: Any) -> list[int]:
    server.loop.settle()
    return [response.status for response in answers(transport, "POST")]


# H-5: 100 Continue.


@each_parser
@pytest.mark.parametrize("expectation", [b"Expect: 100-continue", b"EXPECT: 100-Continue"])
@pytest.mark.parametrize("framing", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_continue_when_the_application_wants_the_body(framing: bytes, expectation: bytes, parser: str) -> None:
    """H-5: once, however often the application asks."""
    content = b"5\r\nhello\r\n0\r\n\r\n" if b"chunked" in framing else b"hello"
    with MemoryServer(reads, parser) as server:
        transport = server.connect()
        transport.feed(post(framing, expectation))
        server.loop.settle()
        assert transport.read() == b"HTTP/1.1 100 Continue\r\n\r\n"
        transport.feed(content[:1])
        server.loop.settle()
        transport.feed(content[1:])
        assert statuses(server, transport) == [200]
        assert ask(server, transport, post(b"Content-Length: 1", body=b"x")).status == 200


@pytest.mark.parametrize(
    ("data", "app"),
    [
        (post(*EXPECTS), hello),
        (post(*EXPECTS), in_parts),
        (post(*EXPECTS), fails),
        (post(*EXPECTS, body=b"hello"), reads),
        (post(b"Content-Length: 0", b"Expect: 100-continue"), reads),
        (get(b"Expect: 100-continue"), reads),
        (head(b"POST / HTTP/1.0", *EXPECTS) + b"hello", reads),
        (post(b"Content-Length: 5", b"Expect: something", body=b"hello"), reads),
    ],
    ids=["unread", "unread-in-parts", "fails", "body-is-here", "no-body", "get", "http-1.0", "other"],
)
def test_no_continue_when_nobody_waits_for_it(data: bytes, app: Any) -> None:
    """H-5."""
    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(data)
        assert len(statuses(server, transport)) == 1


def test_no_continue_after_the_response_began() -> None:
    """H-5: nothing can precede a response that has begun."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(headers=length(b"2")))
        await send(body(b"a", more_body=True))
        assert (await receive())["body"] == b"hello"
        await send(body(b"b"))

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(post(*EXPECTS))
        server.loop.settle()
        transport.feed(b"hello")
        server.loop.settle()
        [response] = answers(transport, "POST")
        assert response.body == b"ab"


def test_continue_while_the_head_is_still_held() -> None:
    """H-5: a response whose start has not been written has not begun."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await receive()
        await send(body(b"x"))

    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(post(*EXPECTS))
        assert statuses(server, transport) == [100]
        transport.feed(b"hello")
        assert statuses(server, transport) == [200]


def test_no_continue_on_a_503() -> None:
    """H-5, A-3."""

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await receive()

    with MemoryServer(waits, limit_concurrency=1) as server:
        server.connect().feed(get())
        server.loop.settle()
        transport = server.connect()
        transport.feed(post(*EXPECTS))
        assert statuses(server, transport) == [503]


def test_a_client_that_was_not_told_to_continue_is_closed() -> None:
    """H-5, H-8: whether it still sends the announced body cannot be known (RFC 9110 section 10.1.1)."""
    for app in (hello, in_parts, fails):
        with MemoryServer(app) as server:
            transport = server.connect()
            assert ask(server, transport, post(*EXPECTS)).get(b"connection") in (b"close", None)
            assert ended(transport)


def test_a_client_that_sent_its_body_all_the_same_is_kept() -> None:
    """H-5, H-8."""
    with MemoryServer(hello) as server:
        transport = server.connect()
        assert ask(server, transport, post(*EXPECTS, body=b"hello")).get(b"connection") is None
        assert ask(server, transport, get()).status == 200


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@each_wiring
def test_curl_waits_for_continue(wiring: Wiring) -> None:
    """H-5."""
    with SocketServer(by_path(echo=echo, refuse=sends(start(403), body(b"no"))), wiring) as server:
        place = ["--unix-socket", server.path, "http://t"] if wiring.wire == "unix" else ["http://127.0.0.1:{}"]
        if wiring.wire == "tls":
            place = ["--insecure", "https://127.0.0.1:{}"]
        *flags, url = place
        url = url.format(getattr(server, "port", 0))
        for path, expected in (("echo", ["100", "200"]), ("refuse", ["403"])):
            command = ["curl", "-sS", "-i", "--http1.1", "--max-time", "10", "--expect100-timeout", "9", *flags]
            command += ["-H", "Expect: 100-continue", "--data-binary", "hello", f"{url}/{path}"]
            done = subprocess.run(command, capture_output=True, check=True, timeout=20)
            lines = done.stdout.decode().split("\r\n")
            assert [line.split()[1] for line in lines if line.startswith("HTTP/1.1 ")] == expected
            assert done.stdout.endswith(b"hello" if path == "echo" else b"no")


# H-10 on real sockets: what the client sees of an application that fails.


@pytest.mark.parametrize("wiring", [*WIRINGS, *QUIC_ON_UVLOOP], ids=str)
def test_a_failure_before_the_response_keeps_the_connection(wiring: Wiring) -> None:
    """H-10."""
    with SocketServer(by_path(root=hello, fails=fails), wiring) as server, server.connect() as client:
        response = client.ask(get(target=b"/fails"))
        assert (response.status, response.body) == (500, b"Internal Server Error")
        assert response.get(b"content-type") == b"text/plain; charset=utf-8"
        assert client.ask(get()).body == b"hello"


@pytest.mark.parametrize("wiring", [*WIRINGS, *QUIC_ON_ASYNCIO], ids=str)
@pytest.mark.parametrize("lengths", [length(b"10"), []], ids=["length", "chunked"])
def test_a_failure_in_the_response_cannot_be_taken_for_its_end(lengths: Headers, wiring: Wiring) -> None:
    """H-10."""
    app = raises(ValueError("broken"), start(headers=lengths), body(b"part", more_body=True))
    with SocketServer(app, wiring) as server, server.connect() as client:
        with pytest.raises((EOFError, ConnectionResetError)):
            client.ask(get())
        assert client.is_open() == (wiring.wire == "quic"), "only the stream is reset"


@pytest.mark.parametrize("wiring", [wiring for wiring in LOOPS_AND_WIRES if wiring.wire != "unix"], ids=str)
def test_a_failure_where_only_the_end_delimits_is_a_reset(wiring: Wiring) -> None:
    """H-10: over HTTP/1.0, a proper end would mean that the response is complete."""
    app = raises(ValueError("broken"), start(), body(b"part", more_body=True))
    broken = (ssl.SSLEOFError, ConnectionResetError) if wiring.wire == "tls" else ConnectionResetError
    with SocketServer(app, wiring) as server, server.connect() as client:
        client.send(head(b"GET / HTTP/1.0"))
        with pytest.raises(broken):
            client.rest()


# H-13: trailers and upgrades of requests.


@each_wiring
def test_trailers_of_a_request_stay_out_of_its_headers(wiring: Wiring) -> None:
    """H-13: even those that were announced."""
    app = Recorder()
    with SocketServer(app, wiring) as server, server.connect() as client:
        trailers = b"0\r\nX-User: root\r\nHost: other\r\nContent-Length: 9\r\n\r\n"
        client.ask(chunked(b"5\r\nhello\r\n" + trailers, b"Trailer: X-User"))
        client.ask(get())
    [first, second] = app.calls
    assert first.body == b"hello"
    assert [name for name, _ in first.scope["headers"]] == [b"host", b"transfer-encoding", b"trailer"]
    assert second.scope["headers"] == [(b"host", b"t")]


UPGRADES = {
    "websocket": (b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    "h2c": (b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"),
    "other": (b"Upgrade: foo/1",),
}


@each_wiring
@pytest.mark.parametrize("upgrade", UPGRADES)
def test_an_upgrade_that_is_not_served_is_ignored(upgrade: str, wiring: Wiring) -> None:
    """H-13: the request is served with its body, and the next one is still read correctly."""
    lines = (b"Connection: Upgrade, HTTP2-Settings", *UPGRADES[upgrade])
    with SocketServer(echo, wiring) as server, server.connect() as client:
        assert client.ask(get(*lines)).status == 200
        assert client.ask(post(*lines, b"Content-Length: 5", body=b"hello")).body == b"hello"
        assert client.ask(chunked(b"5\r\nhello\r\n0\r\n\r\n", *lines)).body == b"hello"
        client.send(post(*lines, b"Content-Length: 5", body=b"hello") + get())
        assert [client.response("POST").body, client.response().body] == [b"hello", b""]


# H-15: the scope.


def scope_of(server: SocketServer, data: bytes) -> tuple[Scope, Any]:
    """The scope of a request to a `Recorder`, and the client's own address."""
    with server.connect() as client:
        client.ask(data)
        return server._app.calls[-1].scope, client.socket.getsockname()  # type: ignore[attr-defined]


@pytest.mark.parametrize("wiring", [*WIRINGS, *QUIC_ON_UVLOOP], ids=str)
def test_the_scope_of_a_request(wiring: Wiring) -> None:
    """H-15: every key of ASGI 2.5, each with its type."""
    with SocketServer(Recorder(), wiring) as server:
        scope, address = scope_of(server, get(b"X-A: b", b"x-A:  c ", target=b"/a%20b/%E2%82%AC?q=%20&r"))
        unix, has_tls = wiring.wire == "unix", wiring.wire in ("tls", "quic")
        expected = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "3" if wiring.wire == "quic" else "1.1",
            "method": "GET",
            "scheme": "https" if has_tls else "http",
            "path": "/a b/\u20ac",
            "raw_path": b"/a%20b/%E2%82%AC",
            "query_string": b"q=%20&r",
            "root_path": "",
            "headers": [(b"host", b"t"), (b"x-a", b"b"), (b"x-a", b"c")],
            "client": None if unix else tuple(address),
            "server": (server.path, None) if unix else ("127.0.0.1", server.port),
            "state": {},
        }
        assert {key: scope[key] for key in scope if key != "extensions"} == expected
        assert scope["extensions"].keys() - {"tls"} == {
            "esg.drop",
            "esg.shutdown",
            "http.response.early_hint",
            "http.response.pathsend",
            "http.response.zerocopysend",
        }
        assert ("tls" in scope["extensions"]) == has_tls


@each_parser
@pytest.mark.parametrize("root", ["/api", "/\u20ac", "/a%20b"])
def test_the_root_path_comes_before_the_path(root: str, parser: str) -> None:
    """H-15: as in uvicorn."""
    app = Recorder()
    with MemoryServer(app, parser, root_path=root) as server:
        ask(server, server.connect(), get(target=b"/users%21?q"))
    scope = app.calls[0].scope
    assert (scope["root_path"], scope["path"]) == (root, root + "/users!")
    assert scope["raw_path"] == root.encode() + b"/users%21"
    assert scope["query_string"] == b"q"


def test_the_state_is_a_shallow_copy() -> None:
    """H-15: what an application adds to it stays with the request; changes to its contents are shared."""
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(dict(scope["state"]))
        scope["state"]["pool"].append(1)
        scope["state"]["user"] = "root"
        await hello(scope, receive, send)

    with MemoryServer(app) as server:
        server.context.state["pool"] = pool = list[int]()
        transport = server.connect()
        ask(server, transport, get())
        ask(server, transport, get())
        assert [sorted(state) for state in seen] == [["pool"], ["pool"]]
        assert seen[1]["pool"] is pool
        assert pool == [1, 1]
        assert server.context.state == {"pool": pool}


def test_a_fresh_context_if_it_is_asked_for() -> None:
    """U-8: with reset-contextvars, no request sees what another one sets."""
    import contextvars

    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
    seen: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(variable.get())
        variable.set(variable.get() + 1)
        await hello(scope, receive, send)

    variable.set(7)
    for fresh in (True, False):
        with MemoryServer(app, reset_contextvars=fresh) as server:
            transport = server.connect()
            ask(server, transport, get())
            ask(server, transport, get())
    assert seen == [0, 0, 7, 7]


@pytest.mark.parametrize("wiring", [*TCP, *QUIC_ON_ASYNCIO], ids=str)
def test_two_connections_have_scopes_of_their_own(wiring: Wiring) -> None:
    """H-15: they share none of their parts."""
    app = Recorder()
    with SocketServer(app, wiring) as server:
        first, _ = scope_of(server, get())
        second, _ = scope_of(server, get())
    assert first["client"] != second["client"]
    for key in ("headers", "extensions", "state"):
        assert first[key] is not second[key]
