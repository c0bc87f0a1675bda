"""Connections that an application breaks off on purpose: the message `esg.drop` (rule H-26)."""

import asyncio
import logging
import os

import pytest

from esg_core.asgi import Application, Receive, Scope, Send
from tests.http.corpus.case import get
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.behaviour.kinds import hello
from tests.support.behaviour.over_streams import connect, each_version, request
from tests.support.http.asking import by_path
from tests.support.http.memory import MemoryServer
from tests.support.http.sockets import LOOPS_AND_WIRES, SocketServer, Wiring, is_reset
from tests.support.installed import PARSERS
from tests.support.ws import frames
from tests.support.ws.memory import CODECS, WebSocketServer

DROP = {"type": "esg.drop"}
PART = b"x" * 10
BEFORE = sends(DROP)
BEHIND_HEAD = sends(start(), DROP)
WITHIN = sends(start(headers=length(b"20")), body(PART, more_body=True), DROP)

each_parser = pytest.mark.parametrize("parser", PARSERS)


async def announced(scope: Scope, receive: Receive, send: Send) -> None:
    """Drops where the extension says that it may."""
    assert scope["extensions"]["esg.drop"] == {}
    await send(DROP)


@each_parser
@pytest.mark.parametrize("app", [announced, BEFORE, BEHIND_HEAD])
def test_before_the_response_nothing_is_sent(parser: str, app: Application) -> None:
    """H-26: and nothing is logged, for this is no failure."""
    with MemoryServer(app, parser) as server:
        transport = server.connect()
        transport.feed(get())
        server.loop.settle()
        assert transport.closed
        assert transport.written == b""
        assert server.log.trouble == []


@each_parser
def test_the_application_goes_on_as_if_its_client_had_gone(parser: str) -> None:
    """H-26, H-16, H-21: it is told, and what it still sends is dropped."""
    got = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(DROP)
        got.append((await receive())["type"])
        await send(DROP)
        await hello(scope, receive, send)

    with MemoryServer(app, parser) as server:
        transport = server.connect()
        transport.feed(get() + get())
        server.loop.settle()
        assert got == ["http.disconnect"]
        assert transport.written == b""
        assert server.log.trouble == []


@each_parser
def test_after_the_response_it_is_too_late(parser: str) -> None:
    """H-26, H-10: the connection may serve the next request by then."""
    with MemoryServer(sends(start(headers=length(b"10")), body(PART), DROP), parser) as server:
        transport = server.connect()
        transport.feed(get())
        server.loop.settle()
        assert transport.written.endswith(PART)
        assert not transport.is_closing()
        [error] = [str(record.exc_info[1]) for record in server.log.records if record.exc_info]
        assert error == "the response is complete; nothing more may be sent: the application sent 'esg.drop' (H-10)"


@each_version
def test_only_the_stream_is_dropped(version: str) -> None:
    """H-26: before the response and within it, with INTERNAL_ERROR."""
    with MemoryServer(by_path(before=BEFORE, within=WITHIN, root=hello)) as server:
        client = connect(server, version)
        for path in (b"/before", b"/within"):
            assert client.fetch(request(client, path)).reset == client.internal_error
        assert client.fetch().body == b"hello"
        assert server.log.trouble == []


@pytest.mark.parametrize("wiring", [*LOOPS_AND_WIRES, Wiring("h11")], ids=str)
def test_the_client_sees_a_reset(wiring: Wiring) -> None:
    """H-26: over TCP, with TLS too; a UNIX socket has no resets, and ends."""
    with SocketServer(by_path(before=BEFORE, within=WITHIN, root=hello), wiring) as server:
        for path in (b"/before", b"/within"):
            with server.connect() as client:
                assert client.ask(get()).body == b"hello"
                client.send(get(target=path))
                assert is_reset(os.dup(client.socket.fileno())) == (wiring.wire != "unix")
        server.wait_idle()


async def accepts_and_drops(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["extensions"]["esg.drop"] == {}
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    await send(DROP)
    assert await receive() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
    await send(DROP)


async def drops_the_handshake(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send(DROP)
    assert (await receive())["type"] == "websocket.disconnect"


@pytest.mark.parametrize("codec", CODECS)
def test_websocket(codec: str) -> None:
    """H-26: without a close frame, once it is accepted or before."""
    with WebSocketServer(accepts_and_drops, codec) as server:
        client = server.open()
        client.say(frames.text("hello"))
        assert client.transport.closed
        assert client.body == b""
        assert server.log.texts(logging.ERROR) == []
    with WebSocketServer(drops_the_handshake, codec) as server:
        client = server.ask()
        assert client.transport.closed
        assert client.head == b""
        assert server.log.texts(logging.ERROR) == []


@each_version
def test_of_a_websocket_only_the_stream_is_dropped(version: str) -> None:
    """H-26: CANCEL stands for a reset of TCP (RFC 8441 section 5), H3_REQUEST_CANCELLED too (RFC 9220 section 3)."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await hello(scope, receive, send)
            return
        await send({"type": "websocket.accept"})
        await asyncio.sleep(0)
        await send(DROP)

    with WebSocketServer(app) as server:
        client = connect(server, version)
        fields = request(client, b"/", b"CONNECT", (b":protocol", b"websocket"), (b"sec-websocket-version", b"13"))
        number = client.ask(fields, end=False)
        client.turn()
        assert client.answers[number].status == 200
        assert client.answers[number].reset == client.cancelled
        assert client.fetch().body == b"hello"
        assert server.log.texts(logging.ERROR) == []
