"""The opening handshake: what is accepted, what is refused and how, and what the application answers (S-2, S-5)."""

import logging
from typing import Any

import pytest

from esg_core.access import AccessLog
from esg_core.asgi import Receive, Scope, Send
from esg_ws.handshake import accept_key
from tests.support.installed import PARSER, PARSERS
from tests.support.ws.frames import close, text
from tests.support.ws.memory import CODECS, KEY, OFFER, REQUEST, Client, Recorder, WebSocketServer, plain

parsers = pytest.mark.parametrize("parser", PARSERS)


def asked(request: bytes, parser: str = PARSER, rest: bytes = b"", **options: Any) -> tuple[Recorder, Client]:
    app = Recorder()
    with WebSocketServer(app, "websockets", parser, **options) as server:
        return app, server.ask(request, rest)


def fields(client: Client) -> dict[bytes, bytes]:
    lines = client.head.split(b"\r\n")[1:]
    pairs = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_the_proof_of_the_rfc() -> None:
    """RFC 6455 section 1.3."""
    assert accept_key(KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@parsers
@pytest.mark.parametrize("codec", CODECS)
def test_an_accept_has_these_fields_and_no_others(parser: str, codec: str) -> None:
    app = Recorder()
    with WebSocketServer(app, codec, parser) as server:
        answer = fields(server.open())
    assert answer.pop(b"date")
    assert answer == {
        b"server": b"esg",
        b"upgrade": b"websocket",
        b"sec-websocket-accept": b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        b"connection": b"upgrade",
    }


@parsers
def test_s2_bytes_behind_the_head_are_the_first_frames(parser: str) -> None:
    app = Recorder()
    with WebSocketServer(app, "websockets", parser) as server:
        client = server.ask(REQUEST, text("at once") + text("again")[:5])
        assert app.received == ["at once"]
        client.say(text("again")[5:])
        assert client.payloads == [b"at once", b"again"]


@parsers
@pytest.mark.parametrize("step", [1, 50])
def test_the_head_may_come_in_pieces(parser: str, step: int) -> None:
    app = Recorder()
    with WebSocketServer(app, "wsproto", parser) as server:
        client = Client(server, server.connect())
        sent = REQUEST + b"\r\n" + text("x")
        client.say(*(sent[at : at + step] for at in range(0, len(sent), step)))
        assert client.payloads == [b"x"]


def test_s2_the_scope() -> None:
    app, _ = asked(
        REQUEST + b"Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\nX-Y: z\r\n", root_path="/api"
    )
    (scope,) = app.scopes
    assert scope["headers"].pop()[0] == b"x-y"
    assert scope.pop("headers")[0] == (b"host", b"t")
    assert scope.pop("extensions").keys() == {"websocket.http.response", "esg.shutdown", "esg.drop"}
    assert scope == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "root_path": "/api",
        "path": "/api/chat",
        "raw_path": b"/api/chat",
        "query_string": b"room=1",
        "subprotocols": ["a", "b", "c"],
        "state": {},
    }


def test_a_proxy_makes_it_wss() -> None:
    app, _ = asked(REQUEST + b"X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.1\r\n")
    assert app.scopes[0]["scheme"] == "wss"
    assert app.scopes[0]["client"] == ("192.0.2.1", 0)


REFUSED = {
    "post": (405, REQUEST.replace(b"GET", b"POST")),
    "head": (405, REQUEST.replace(b"GET", b"HEAD")),
    "version 12": (426, REQUEST.replace(b"Version: 13", b"Version: 12")),
    "version 013": (426, REQUEST.replace(b"Version: 13", b"Version: 013")),
    "version 13, 8": (426, REQUEST.replace(b"Version: 13", b"Version: 13, 8")),
    "no version": (426, REQUEST.replace(b"Sec-WebSocket-Version: 13\r\n", b"")),
    "two versions": (426, REQUEST + b"Sec-WebSocket-Version: 13\r\n"),
    "no key": (400, REQUEST.replace(b"Sec-WebSocket-Key: " + KEY + b"\r\n", b"")),
    "two keys": (400, REQUEST + b"Sec-WebSocket-Key: " + KEY + b"\r\n"),
    "empty key": (400, REQUEST.replace(KEY, b"")),
    "short key": (400, REQUEST.replace(KEY, KEY[4:])),
    "long key": (400, REQUEST.replace(KEY, b"AAAA" + KEY)),
    "key of no base64": (400, REQUEST.replace(KEY, b"!" + KEY[1:])),
    "key of 8 bits": (400, REQUEST.replace(KEY, b"\xe9" + KEY[1:])),
    "subprotocol of 8 bits": (400, REQUEST + b"Sec-WebSocket-Protocol: caf\xe9\r\n"),
    "subprotocol with space": (400, REQUEST + b"Sec-WebSocket-Protocol: a b\r\n"),
    "subprotocol in quotes": (400, REQUEST + b'Sec-WebSocket-Protocol: "a"\r\n'),
    "no list of extensions": (400, REQUEST + b"Sec-WebSocket-Extensions: permessage-deflate; =1\r\n"),
    "a body": (400, REQUEST + b"Content-Length: 5\r\n"),
    "a chunked body": (400, REQUEST + b"Transfer-Encoding: chunked\r\n"),
}


@parsers
@pytest.mark.parametrize(("status", "request_"), REFUSED.values(), ids=REFUSED)
def test_s5_what_is_no_handshake(parser: str, status: int, request_: bytes) -> None:
    """S-5: an HTTP response, a line in the log, and no call of the application."""
    app = Recorder()
    with WebSocketServer(app, "websockets", parser) as server:
        client = server.ask(request_)
        assert int(client.head.split(b" ")[1]) == status
        answer = fields(client)
        assert answer[b"content-type"] == b"text/plain; charset=utf-8"
        assert (answer.get(b"sec-websocket-version"), answer.get(b"upgrade")) == (
            (b"13", b"websocket") if status == 426 else (None, None)
        )
        assert answer.get(b"allow") == (b"GET" if status == 405 else None)
        (line,) = server.log.texts(logging.WARNING)
        assert line.startswith("refused a handshake from 127.0.0.1:50000: ")
        assert line.endswith(")")
    assert app.scopes == []


@parsers
def test_a_refusal_leaves_the_connection_to_http(parser: str) -> None:
    app = Recorder()
    with WebSocketServer(app, "websockets", parser) as server:
        client = server.ask(REQUEST.replace(b"Version: 13", b"Version: 7"))
        client.say(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert client.transport.written.endswith(b"\r\n\r\nplain")


@parsers
@pytest.mark.parametrize(
    "change",
    [(b"HTTP/1.1", b"HTTP/1.0"), (b", Upgrade", b""), (b"Upgrade: websocket\r\n", b""), (b": websocket", b": h2c")],
)
def test_h13_what_asks_for_no_websocket_is_plain_http(parser: str, change: tuple[bytes, bytes]) -> None:
    _, client = asked(REQUEST.replace(*change), parser)
    assert client.body == b"plain"


@parsers
@pytest.mark.parametrize("name", [b"WebSocket", b"h2c, WEBSOCKET", b"websocket, h2c"])
def test_the_name_of_the_protocol_in_any_case_and_company(parser: str, name: bytes) -> None:
    _, client = asked(REQUEST.replace(b"Upgrade: websocket", b"Upgrade: " + name), parser)
    assert client.head.startswith(b"HTTP/1.1 101 ")


# What the application answers.


@pytest.mark.parametrize("subprotocol", ["a", "b.c"])
def test_s2_a_subprotocol_is_chosen(subprotocol: str) -> None:
    app = Recorder(accept={"subprotocol": subprotocol})
    with WebSocketServer(app) as server:
        answer = fields(server.open(b"Sec-WebSocket-Protocol: a,, b.c\r\n"))
    assert answer[b"sec-websocket-protocol"] == subprotocol.encode()


def test_s2_headers_of_the_application() -> None:
    """It may not set the handshake's own fields, except a subprotocol."""
    own = [(b"Set-Cookie", b"a=b"), (b"Sec-WebSocket-Protocol", b"a"), (b"Upgrade", b"h2c"), (b"Connection", b"close")]
    app = Recorder(accept={"headers": own})
    with WebSocketServer(app) as server:
        answer = fields(server.open(b"Sec-WebSocket-Protocol: a\r\n"))
    assert answer[b"set-cookie"] == b"a=b"
    assert (answer[b"sec-websocket-protocol"], answer[b"upgrade"], answer[b"connection"]) == (
        b"a",
        b"websocket",
        b"upgrade",
    )


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        ({"subprotocol": "x"}, "the client has not offered the subprotocol 'x'"),
        ({"subprotocol": b"a"}, "subprotocol must be a str"),
        ({"headers": [(b"x", b"a\r\nb: c")]}, "a control byte"),
        ({"headers": [(b"x y", b"a")]}, "is not a header name"),
        ({"headers": [("x", "a")]}, "must be bytes"),
    ],
)
@parsers
def test_h10_an_accept_that_breaks_a_rule_is_a_500(parser: str, accept: dict[str, Any], said: str) -> None:
    app = Recorder(accept=accept)
    with WebSocketServer(app, "websockets", parser) as server:
        client = server.ask(REQUEST + b"Sec-WebSocket-Protocol: a\r\n")
        assert client.head.startswith(b"HTTP/1.1 500 ")
        (record,) = server.log.records
        assert record.exc_info is not None
        assert said in str(record.exc_info[1])


@parsers
def test_s2_a_close_before_the_accept_is_a_403(parser: str) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await plain(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": 4000})
        seen.append(await receive())

    with WebSocketServer(app, "websockets", parser) as server:
        client = server.ask()
        assert client.head.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert fields(client)[b"content-length"] == b"0"
        assert seen == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
        client.say(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert client.transport.written.endswith(b"plain")


@parsers
def test_s2_an_answer_in_http(parser: str) -> None:
    """The extension `websocket.http.response`; the hook of responses sees it like any other (R-1)."""
    hooked: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"x-why", b"not today"), (b"content-type", b"text/plain")]
        await send({"type": "websocket.http.response.start", "status": 409, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"come ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"back"})
        assert (await receive())["type"] == "websocket.connect"
        assert (await receive())["code"] == 1006

    with WebSocketServer(app, "websockets", parser) as server:
        server.context.on_response = lambda scope, status, headers: hooked.append(status)
        client = server.ask()
        assert client.head.startswith(b"HTTP/1.1 409 Conflict\r\n")
        assert fields(client)[b"x-why"] == b"not today"
        assert client.body == b"5\r\ncome \r\n4\r\nback\r\n0\r\n\r\n"
        assert hooked == [409]
        assert server.log.trouble == []


@pytest.mark.parametrize("sends", [[], [{"type": "websocket.http.response.start", "status": 403, "headers": []}]])
def test_an_application_that_returns_without_an_answer(sends: list[dict[str, Any]]) -> None:
    """H-10: a 500, and an error in the log."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in sends:
            await send(message)

    with WebSocketServer(app) as server:
        client = server.ask()
        assert client.head.startswith(b"HTTP/1.1 500 ")
        assert len(server.log.texts(logging.ERROR)) == 1


def test_an_application_that_raises_before_the_accept() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("broken")

    with WebSocketServer(app) as server:
        assert server.ask().head.startswith(b"HTTP/1.1 500 ")
        assert server.log.records[0].exc_info is not None


@pytest.mark.parametrize("how", ["eof", "reset"])
def test_a_client_that_goes_before_the_answer(how: str) -> None:
    """The application is told, even while it waits; an accept then raises an OSError."""
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        seen.append(await receive())
        try:
            await send({"type": "websocket.accept"})
        except OSError as error:
            seen.append(error)
            raise

    with WebSocketServer(app) as server:
        client = server.ask()
        if how == "eof":
            client.hang_up()
        client.transport.reset()
        server.loop.settle()
        assert seen[0] == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        assert server.log.texts(logging.ERROR) == []


def test_receiving_before_the_answer_goes_on_after_it() -> None:
    """A `receive()` that began before the accept gets the first message."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        import asyncio

        await receive()
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send({"type": "websocket.accept"})
        await send({**await waiting, "type": "websocket.send"})
        await receive()

    with WebSocketServer(app) as server:
        client = server.open()
        client.say(text("first"))
        assert client.payloads == [b"first"]


@pytest.mark.parametrize("codec", ["websockets", "wsproto"])
@pytest.mark.parametrize("form", ["default", "json"])
def test_r3_the_log_has_the_handshake_at_the_switch_and_in_the_default_format_both_ends(
    caplog: pytest.LogCaptureFixture, codec: str, form: str
) -> None:
    with WebSocketServer(Recorder(), codec, access_log_format=form) as server, caplog.at_level(logging.INFO):
        server.context.access = AccessLog.create(server.context.config, server.loop)
        client = server.open()
        (access,) = [record for record in caplog.records if record.name == "esg.access"]
        assert access.args == ("127.0.0.1:50000", "GET", "/chat?room=1", "1.1", 101)
        client.say(close(1000))
        server.loop.settle()
    told = [record.getMessage() for record in caplog.records if record.name == "esg.error"]
    ends = [f"127.0.0.1:50000 - connection {what}" for what in ("open", "closed")]
    assert told == (ends if form == "default" else [])


def test_compression_can_be_switched_off() -> None:
    app = Recorder()
    with WebSocketServer(app, ws_per_message_deflate=False) as server:
        assert b"sec-websocket-extensions" not in fields(server.open(OFFER))
