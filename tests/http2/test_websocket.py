"""WebSocket over a stream of an HTTP/2 connection, with both codecs (RFC 8441, rule 2-4)."""

import asyncio
import zlib
from typing import Any

import h2.settings
import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.lifecycle.stats import stats
from esg_http.h2.coding.codes import CANCEL, LAST_STREAM, NO_ERROR, PROTOCOL_ERROR
from tests.support.http2.driven import GET, Answer, Client
from tests.support.http2.websocket import CONNECT
from tests.support.ws.frames import CLOSE, Frame, close, deflated, frame, read_frames
from tests.support.ws.memory import CODECS, Recorder, WebSocketServer


def frames_of(answer: Answer) -> list[Frame]:
    return list(read_frames(answer.body))


def opened(client: Client, *more: tuple[bytes, bytes]) -> int:
    """A stream on which the handshake is done."""
    number = client.ask([*CONNECT, *more], end=False)
    client.turn()
    assert client.answers[number].status == 200
    return number


def say(client: Client, number: int, *parts: bytes, end: bool = False, credit: bool = True) -> Answer:
    for part in parts:
        client.h2.send_data(number, part)
    if end:
        client.h2.end_stream(number)
    client.turn(credit=credit)
    return client.answers[number]


@pytest.mark.parametrize("codec", CODECS)
def test_2_4_compression(codec: str) -> None:
    app = Recorder()
    with WebSocketServer(app, codec) as server:
        client = Client(server)
        number = opened(client, (b"sec-websocket-extensions", b"permessage-deflate"))
        answer = say(client, number, frame(1, deflated(b"a" * 500), rsv=4))
        [echo] = frames_of(answer)
        assert zlib.decompressobj(-15).decompress(echo.payload + b"\0\0\xff\xff") == b"a" * 500
        assert len(echo.payload) < 100


@pytest.mark.parametrize("codec", CODECS)
def test_2_4_an_application_that_denies(codec: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] == "/chat":
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.http.response.start", "status": 418, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no"})

    with WebSocketServer(app, codec) as server:
        client = Client(server)
        first = client.ask(CONNECT, end=False)
        other = [field if field[0] != b":path" else (b":path", b"/tea") for field in CONNECT]
        second = client.ask(other, end=False)
        client.turn()
        assert (client.answers[first].status, client.answers[first].complete) == (403, True)
        assert (client.answers[second].status, client.answers[second].body) == (418, b"no")
        assert server.context.connections  # it is remembered


def test_2_4_a_length_is_malformed() -> None:
    """RFC 9113 section 8.5, RFC 9110 section 9.3.6: a tunnel has no content."""
    with WebSocketServer(Recorder()) as server:
        client = Client(server)
        number = client.ask([*CONNECT, (b"content-length", b"5")], end=False)
        client.turn()
        assert client.answers[number].reset == PROTOCOL_ERROR


@pytest.mark.parametrize("codec", CODECS)
def test_s4_a_client_that_leaves_without_a_word(codec: str) -> None:
    app = Recorder()
    with WebSocketServer(app, codec) as server:
        client = Client(server)
        numbers = [opened(client), opened(client)]
        say(client, numbers[0], end=True)
        assert [code for code, _ in app.ends] == [1006]
        client.transport.reset()
        server.loop.settle()
        assert [code for code, _ in app.ends] == [1006, 1006]


def test_2_3_a_call_that_goes_on_after_its_stream_takes_a_place() -> None:
    release: list[asyncio.Future[None]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        release.append(asyncio.get_running_loop().create_future())
        await release[-1]

    with WebSocketServer(app, h2_max_concurrent_streams=2) as server:
        client = Client(server)
        for _ in range(2):
            client.h2.reset_stream(opened(client), CANCEL)
            client.turn()
        refused = client.ask(CONNECT, end=False)
        client.turn()
        assert (len(release), client.answers[refused].reset) == (2, 7)
        for future in release:
            future.set_result(None)
        server.loop.settle()


@pytest.mark.parametrize("codec", CODECS)
def test_s4_a_drain_closes_with_1012(codec: str) -> None:
    app = Recorder()
    with WebSocketServer(app, codec) as server:
        client = Client(server)
        number = opened(client)
        server.context.drain()
        client.turn()
        answer = client.answers[number]
        assert [frame.code for frame in frames_of(answer)] == [1012]
        say(client, number, close(1012), end=True)
        assert client.goaways == [(LAST_STREAM, NO_ERROR), (number, NO_ERROR)]
        assert client.transport.closed


def test_s4_a_client_that_does_not_end_its_side_loses_the_stream() -> None:
    with WebSocketServer(Recorder()) as server:
        client = Client(server)
        number = opened(client)
        answer = say(client, number, close(1000))
        assert (answer.complete, answer.reset) == (True, None)
        server.loop.advance(1.3)
        client.turn()
        assert stats(server.context)["h2_streams"] == 0


def test_s3_an_application_that_does_not_receive_holds_up_its_stream_only() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await Recorder()(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.get_running_loop().create_future()

    with WebSocketServer(app) as server:
        client = Client(server)
        number = opened(client)
        sent = 0
        while client.h2.local_flow_control_window(number) > 8192 and sent < 1000:
            say(client, number, frame(2, bytes(8000)))
            sent += 1
        assert sent < 200
        assert client.fetch(GET).body == b"plain"
        for cycle in server.context.cycles:
            cycle.task.cancel()
        client.transport.reset()
        server.loop.settle()
        server.log.records.clear()


@pytest.mark.parametrize("codec", CODECS)
def test_s3_a_client_that_does_not_read_makes_send_wait(codec: str) -> None:
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(100):
            await send({"type": "websocket.send", "bytes": bytes(10_000)})
            sent += 1
        await send({"type": "websocket.close"})

    with WebSocketServer(app, codec, ws_ping_interval=0) as server:
        client = Client(server)
        number = client.ask(CONNECT, end=False)
        client.turn(credit=False)
        assert sent < 30
        got: Any = client.answers[number]
        while len(got.body) < 1_000_400:
            before = len(got.body)
            client.h2.increment_flow_control_window(30_000)
            client.h2.increment_flow_control_window(30_000, number)
            client.turn(credit=False)
            assert len(got.body) > before
        assert frames_of(got)[-1].opcode == CLOSE


def test_2_4_websocket_is_announced_where_it_is_served() -> None:
    with WebSocketServer(Recorder()) as server:
        serves = Client(server)
        with WebSocketServer(Recorder()) as other:
            other.context.upgrades = {}
            clients = (serves, Client(other))
            code = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
            assert [client.h2.remote_settings[code] for client in clients] == [1, 0]
