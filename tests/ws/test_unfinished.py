"""A connection with input that has not been processed ends as if all had been, whatever happens (S-3, S-4, S-5)."""

from collections.abc import Callable
from typing import Any

import pytest

from esg_core.asgi import Receive, Send
from esg_core.turns import TurnBudget
from esg_ws.connection import Connection
from tests.support.behaviour.over_streams import connect, each_version, websocket_request
from tests.support.ws.frames import BINARY, CLOSE, PING, PONG, TEXT, close, deflated, frame, text
from tests.support.ws.memory import CODECS, OFFER, Client, Recorder, WebSocketServer, accepting

codecs = pytest.mark.parametrize("codec", CODECS)
SIZE = 2 << 20
OPTIONS: dict[str, Any] = {"ws_ping_interval": 0, "ws_max_size": SIZE, "ws_max_queue_bytes": 1 << 30}
LARGE = frame(BINARY, deflated(bytes(SIZE)), rsv=4)
"""Takes several turns."""


def begun(server: WebSocketServer, sent: bytes) -> Client:
    """A client that has sent this, part of which has not been processed yet."""
    client = server.open(OFFER)
    client.transport.feed(sent)
    turn(server, 3)
    (connection,) = [found for found in server.context.connections if isinstance(found, Connection)]
    assert connection.paused
    return client


def turn(server: WebSocketServer, count: int = 1) -> None:
    for _ in range(count):
        server.loop.call_soon(server.loop.stop)
        server.loop.run_forever()


@codecs
def test_s5_everything_keeps_its_order(codec: str) -> None:
    """Pongs, and the close after the last message."""
    app = Recorder(echo=False)
    with WebSocketServer(app, codec, **OPTIONS) as server:
        client = begun(server, text("a") + LARGE + frame(PING, b"1") + LARGE + frame(PING, b"2") + close(3000, b"bye"))
        assert client.frames == []
        server.loop.settle()
        assert [(sent.opcode, sent.payload) for sent in client.frames] == [
            (PONG, b"1"),
            (PONG, b"2"),
            (CLOSE, b"\x0b\xb8bye"),
        ]
        assert app.received == ["a", bytes(SIZE), bytes(SIZE)]
        assert app.ends == [(3000, "bye")]


BAD = {
    "too big": (frame(BINARY, deflated(bytes(SIZE + 1)), rsv=4), 1009),
    "not compressed": (frame(BINARY, deflated(bytes(SIZE)) + b"\xff" * 4, rsv=4), 1002),
    "no text": (frame(TEXT, deflated(b"a" * (SIZE - 1) + b"\xff"), rsv=4), 1007),
    "no frame": (frame(3), 1002),
}


@codecs
@pytest.mark.parametrize(("bad", "code"), BAD.values(), ids=BAD)
def test_s5_what_came_before_a_bad_message_comes_first(codec: str, bad: bytes, code: int) -> None:
    app = Recorder(echo=False)
    with WebSocketServer(app, codec, **OPTIONS) as server:
        client = begun(server, LARGE + text("before") + bad + text("after"))
        server.loop.settle()
        assert app.received == [bytes(SIZE), "before"]
        assert [end for end, _ in app.ends] == [client.code] == [code]
        assert client.transport.eof_written
        assert client.transport.is_reading(), "what still comes is discarded, so that the client can read why"


@codecs
def test_s4_the_end_of_the_input_comes_behind_what_was_sent(codec: str) -> None:
    app = Recorder(echo=False)
    with WebSocketServer(app, codec, **OPTIONS) as server:
        client = begun(server, LARGE * 3)
        client.hang_up()
        assert app.received == [bytes(SIZE)] * 3
        assert app.ends == [(1006, "")]
        assert client.transport.closed


@codecs
@each_version
def test_s4_the_end_of_a_stream_comes_behind_what_was_sent(version: str, codec: str) -> None:
    """The same over HTTP/2 and HTTP/3, where only the tunnel holds it back."""
    app = Recorder(echo=False)
    with WebSocketServer(app, codec, **OPTIONS) as server:
        client = connect(server, version)
        deflating = (b"sec-websocket-extensions", b"permessage-deflate")
        number = client.ask(websocket_request(client, deflating), end=False)
        client.turn()
        client.add(number, LARGE * 3, end=True)
        assert app.received == [bytes(SIZE)] * 3
        assert app.ends == [(1006, "")]


@codecs
def test_s4_a_client_that_resets_is_gone(codec: str) -> None:
    """What was not processed is lost with it, and nothing goes on."""
    app = Recorder(echo=False)
    with WebSocketServer(app, codec, **OPTIONS) as server:
        client = begun(server, text("whole") + LARGE * 3)
        client.transport.reset()
        server.loop.settle()
        assert app.received == ["whole"]
        assert app.ends == [(1006, "")]
        assert not server.context.connections
        assert server.log.trouble == []


@codecs
def test_s4_pings_of_a_client_that_is_gone_are_not_answered(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those after the pong that could no longer be written: asyncio would warn about each."""
    with WebSocketServer(Recorder(), codec, **OPTIONS) as server:
        client = server.open(OFFER)
        write = client.transport.write

        def write_and_fail(data: bytes) -> None:
            write(data)
            client.transport.abort()

        monkeypatch.setattr(client.transport, "write", write_and_fail)
        client.say(frame(PING) * 100)
        assert [sent.opcode for sent in client.frames] == [PONG]
        assert client.transport.late == b""


@codecs
def test_s4_a_drain_while_there_is_more(codec: str) -> None:
    """Complete messages are received; the client's answer is found after the rest, at no cost."""
    app = Recorder(echo=False)
    with WebSocketServer(app, codec, **OPTIONS) as server:
        client = begun(server, text("whole") + LARGE * 100)
        server.context.drain()
        server.loop.settle()
        assert [(sent.opcode, sent.code) for sent in client.frames] == [(CLOSE, 1012)]
        assert app.received == ["whole"]
        assert app.ends == [(1012, "service restart")]
        client.say(LARGE + close(1012))
        assert (client.transport.closed, client.transport.aborted) == (True, False)


@codecs
def test_s4_a_close_of_the_application_while_there_is_more(codec: str) -> None:
    async def conversation(receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 4000})

    with WebSocketServer(accepting(conversation), codec, **OPTIONS) as server:
        client = server.open(OFFER)
        client.say(text("enough") + LARGE * 100)
        assert client.code == 4000
        client.say(close(4000))
        assert (client.transport.closed, client.transport.aborted) == (True, False)


@codecs
def test_s3_a_client_that_waits_for_its_turn_has_not_failed_to_answer(
    codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client is not punished for the server's pace: its pong may be in what has not been processed."""
    waiting: list[Callable[[], None]] = []
    app = Recorder(echo=False)
    options = {**OPTIONS, "ws_ping_interval": 2, "ws_ping_timeout": 3}
    with WebSocketServer(app, codec, **options) as server:
        client = server.open(OFFER)
        client.wait(2.3)
        (ping,) = client.frames
        with monkeypatch.context() as patch:
            patch.setattr(TurnBudget, "wait", lambda self, go_on: waiting.append(go_on))
            client.say(LARGE + frame(PONG, ping.payload))
            client.wait(20)
            assert client.code is None
        for go_on in waiting:
            go_on()
        server.loop.settle()
        assert app.received == [bytes(SIZE)]
        client.wait(1)
        assert client.code is None


@codecs
def test_s4_a_client_that_never_answers_a_close_is_cut_off_whatever_it_sends(codec: str) -> None:
    """However much there is."""

    async def conversation(receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close", "code": 4000})

    with WebSocketServer(accepting(conversation), codec, **OPTIONS) as server:
        client = server.open(OFFER)
        for _ in range(11):
            client.say(LARGE * 3 + text("") * 5000)
            client.wait(0.5)
        assert client.transport.aborted
