"""How connections end, what they wait for and for how long, and flow control in both directions (S-3, S-4)."""

import asyncio
import logging
from typing import Any

import pytest

from esg_core.asgi import Receive, Send
from esg_core.turns import UNITS_A_TURN
from esg_ws.connection import CLOSE_PATIENCE, LAST_MESSAGES
from esg_ws.intake import CONTROL_FRAME
from tests.support.ws.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, fragments, frame, text
from tests.support.ws.memory import CODECS, Recorder, WebSocketServer, accepting, exchange

codecs = pytest.mark.parametrize("codec", CODECS)
NEVER: dict[str, Any] = {"ws_ping_interval": 0}


async def sleep(receive: Receive, send: Send) -> None:
    """Neither receives nor sends, for a minute."""
    await asyncio.sleep(60)


async def close_at_once(receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close", "code": 4000})


# The closing handshake.


@codecs
def test_s4_the_server_closes_when_the_client_has_answered(codec: str) -> None:
    with WebSocketServer(accepting(close_at_once), codec) as server:
        client = server.open()
        assert client.code == 4000
        assert not client.transport.is_closing()
        client.say(text("on its way"), frame(PING, b"?"), close(4000))
        assert client.transport.closed
        assert [sent.opcode for sent in client.frames] == [CLOSE]


@codecs
def test_s4_a_client_that_does_not_answer_is_cut_off(codec: str) -> None:
    """After 5 seconds, whatever it sends meanwhile."""
    with WebSocketServer(accepting(close_at_once), codec) as server:
        client = server.open()
        for _ in range(8):
            client.wait(CLOSE_PATIENCE / 10)
            client.say(text("la la la"))
        assert not client.transport.closed
        client.wait(CLOSE_PATIENCE / 5 + 0.3)
        assert client.transport.aborted


def test_s4_a_client_that_hangs_up_instead_of_answering() -> None:
    with WebSocketServer(accepting(close_at_once)) as server:
        client = server.open()
        client.hang_up()
        assert client.transport.closed
        assert not client.transport.aborted


@codecs
def test_after_a_broken_rule_the_client_can_read_why(codec: str) -> None:
    """RFC 6455 section 7.1.7: the server closes its side, and reads on until the client closes."""
    app = Recorder()
    with WebSocketServer(app, codec) as server:
        client = server.open()
        client.say(frame(3))
        assert client.transport.eof_written
        assert not client.transport.closed
        client.say(text("more") * 1000)
        client.hang_up()
        assert client.transport.closed
        assert (client.code, app.received) == (1002, [])
        assert server.log.texts(logging.WARNING)[0].startswith("closed the WebSocket of 127.0.0.1:50000: ")


def test_after_a_broken_rule_nothing_waits_forever() -> None:
    with WebSocketServer(Recorder()) as server:
        client = server.open()
        client.say(frame(3))
        client.wait(CLOSE_PATIENCE + 0.3)
        assert client.transport.aborted


@codecs
def test_s4_a_drain_closes_with_1012(codec: str) -> None:
    app = Recorder()
    with WebSocketServer(app, codec) as server:
        client = server.open()
        server.context.drain()
        server.context.drain()
        server.loop.settle()
        assert [(sent.opcode, sent.code) for sent in client.frames] == [(CLOSE, 1012)]
        assert app.ends == [(1012, "service restart")]
        client.say(close(1012))
        assert client.transport.closed
        assert not server.context.cycles


def test_s4_a_drain_lets_messages_be_received_that_have_come() -> None:
    received: list[Any] = []

    async def conversation(receive: Receive, send: Send) -> None:
        await asyncio.sleep(1)
        received.extend([await receive(), await receive()])

    with WebSocketServer(accepting(conversation)) as server:
        client = server.open()
        client.say(text("in time"))
        server.context.drain()
        client.wait(2)
        assert [message["type"] for message in received] == ["websocket.receive", "websocket.disconnect"]


def test_s4_a_websocket_accepted_during_a_drain_is_closed_at_once() -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(1)
        await send({"type": "websocket.accept"})
        assert (await receive())["code"] == 1012

    with WebSocketServer(app) as server:
        client = server.ask()
        server.context.drain()
        client.wait(2)
        assert client.code == 1012


def test_an_abort_cuts_the_connection() -> None:
    app = Recorder()
    with WebSocketServer(app) as server:
        client = server.open()
        for connection in list(server.context.connections):
            connection.abort()
        server.loop.settle()
        assert client.transport.aborted
        assert app.ends == [(1006, "")]


@codecs
def test_s5_an_application_that_does_not_receive_holds_the_end_up_for_a_moment_only(codec: str) -> None:
    """The messages before it could still be answered."""
    with WebSocketServer(accepting(sleep), codec) as server:
        client = server.open()
        client.say(text("unheard") + close(1000))
        assert client.frames == []
        client.wait(LAST_MESSAGES + 0.3)
        assert (client.code, client.transport.closed) == (1000, True)
        client.wait(60)


def test_an_application_that_does_not_receive_is_left_at_once_if_nothing_has_come() -> None:
    with WebSocketServer(accepting(sleep)) as server:
        client = server.open()
        client.say(close(1000))
        assert (client.code, client.transport.closed) == (1000, True)
        client.wait(60)


def test_a_close_of_the_application_while_the_clients_waits_to_be_answered() -> None:
    async def conversation(receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 4000})

    with WebSocketServer(accepting(conversation)) as server:
        client = server.open()
        client.say(text("one") + text("two") + close(1001))
        assert [sent.code for sent in client.frames] == [1001]
        assert client.transport.closed


# Pings.


@codecs
def test_s3_pings_are_sent_and_answered(codec: str) -> None:
    with WebSocketServer(Recorder(), codec, ws_ping_interval=20, ws_ping_timeout=5) as server:
        client = server.open()
        client.wait(19.5)
        assert client.frames == []
        for count in range(1, 4):
            client.wait(1 if count == 1 else 20)
            assert [sent.opcode for sent in client.frames] == [PING] * count
            client.say(frame(PONG, client.frames[-1].payload))
        assert len({sent.payload for sent in client.frames}) == 3


@codecs
@pytest.mark.parametrize("answer", [None, b"", b"xxxx"])
def test_s3_a_ping_without_answer_closes_with_1011(codec: str, answer: bytes | None) -> None:
    """A pong with another payload does not count."""
    app = Recorder()
    with WebSocketServer(app, codec, ws_ping_interval=2, ws_ping_timeout=3) as server:
        client = server.open()
        client.wait(2.3)
        if answer is not None:
            client.say(frame(PONG, answer))
        client.wait(2.4)
        assert client.code is None
        client.wait(0.6)
        assert client.code == 1011
        assert app.ends == [(1011, "keepalive ping timeout")]
        client.wait(CLOSE_PATIENCE + 0.3)
        assert client.transport.aborted


@codecs
def test_s4_after_a_close_no_pings_are_sent(codec: str) -> None:
    """RFC 6455 section 5.5.1: even if the answer to the last one comes late, or reading resumes only then."""

    async def conversation(receive: Receive, send: Send) -> None:
        await asyncio.sleep(2.5)
        await send({"type": "websocket.close", "code": 4000})
        await asyncio.sleep(60)

    with WebSocketServer(
        accepting(conversation), codec, ws_ping_interval=2, ws_ping_timeout=1, ws_max_queue=1
    ) as server:
        answering, paused = server.open(), server.open()
        paused.say(text("unheard"), text("unheard"))
        server.loop.advance(2.7)
        answering.say(frame(PONG, answering.frames[0].payload))
        server.loop.advance(4)
        for client in (answering, paused):
            assert [sent.opcode for sent in client.frames] == [PING, CLOSE]
            assert not client.transport.closed
        server.loop.advance(60)


def test_pings_can_do_without_answers() -> None:
    with WebSocketServer(Recorder(), ws_ping_interval=1, ws_ping_timeout=0) as server:
        client = server.open()
        client.wait(5.3)
        assert [sent.opcode for sent in client.frames] == [PING] * 5


def test_pings_can_be_switched_off() -> None:
    with WebSocketServer(Recorder(), **NEVER) as server:
        client = server.open()
        client.wait(1000)
        assert client.frames == []


def test_s3_a_pong_cannot_come_in_the_middle_of_a_message() -> None:
    """A client that sends a large message slowly is alive; one that stops in the middle is not."""
    with WebSocketServer(Recorder(), ws_ping_interval=2, ws_ping_timeout=3) as server:
        client = server.open()
        client.say(frame(BINARY, bytes(100_000))[:50_000])
        for _ in range(10):
            client.wait(1)
            client.say(b"x" * 100)
        assert client.code is None
        client.wait(7)
        assert client.code == 1011


@codecs
def test_s3_an_answer_that_is_not_read_here_counts_when_it_is(codec: str) -> None:
    """No connection is closed for it while reading is paused because the application does not receive."""

    async def conversation(receive: Receive, send: Send) -> None:
        await asyncio.sleep(60)
        while (await receive())["type"] == "websocket.receive":
            pass

    options: dict[str, Any] = {"ws_ping_interval": 2, "ws_ping_timeout": 3, "ws_max_queue": 2}
    with WebSocketServer(accepting(conversation), codec, **options) as server:
        client = server.open()
        client.say(text("one"), text("two"), text("three"))
        client.wait(3)
        (ping,) = client.frames
        client.say(frame(PONG, ping.payload))
        client.wait(59)
        assert client.code is None
        assert all(sent.opcode == PING for sent in client.frames)


# Flow control: reading.


@codecs
def test_s3_an_application_that_does_not_receive_stops_the_reading(codec: str) -> None:
    """After `ws-max-queue` messages; all of them arrive when it receives again."""
    received: list[Any] = []

    async def conversation(receive: Receive, send: Send) -> None:
        await asyncio.sleep(10)
        while (message := await receive())["type"] == "websocket.receive":
            received.append(message["text"])

    with WebSocketServer(accepting(conversation), codec, ws_max_queue=4, **NEVER) as server:
        client = server.open()
        words = [str(number) for number in range(50)]
        client.say(*(text(word) for word in words))
        assert client.transport.unread >= 40 * len(text("10"))
        client.wait(11)
        assert received == words
        assert client.transport.is_reading()


@codecs
def test_s3_many_messages_in_one_segment_are_not_taken_all_at_once(codec: str) -> None:
    received: list[Any] = []

    async def conversation(receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            received.append(message["text"])
            await asyncio.sleep(1)

    with WebSocketServer(accepting(conversation), codec, ws_max_queue=4, **NEVER) as server:
        client = server.open()
        words = [str(number) for number in range(30)]
        sent = b"".join(
            text(word) if number % 3 else b"".join(fragments(TEXT, word.encode(), b""))
            for number, word in enumerate(words)
        )
        client.say(sent + close())
        (task,) = [cycle.task for cycle in server.context.cycles]
        assert not client.transport.is_reading()
        client.wait(15)
        assert len(received) == 16
        client.wait(20)
        assert received == words
        assert task.done()


def test_s3_the_bytes_that_wait_are_bounded_too() -> None:
    """At most two messages of the largest size wait, whatever ws-max-queue says."""
    size = 100_000
    with WebSocketServer(accepting(sleep), ws_max_size=size, **NEVER) as server:
        client = server.open()
        client.say(*[frame(BINARY, bytes(size))] * 10)
        assert client.transport.unread >= 8 * size
        client.wait(60)


@codecs
def test_s5_a_flood_of_frames_leaves_others_their_turn(codec: str) -> None:
    """S-5: reading goes on in the next turn of the loop."""
    turns = 0

    async def conversation(receive: Receive, send: Send) -> None:
        await receive()

    def count() -> None:
        nonlocal turns
        turns += 1
        if len(client.frames) < 2000 and turns < 1000:
            server.loop.call_soon(count)

    with WebSocketServer(accepting(conversation), codec, **NEVER) as server:
        client = server.open()
        server.loop.call_soon(count)
        client.say(frame(PING) * 2000)
        assert [sent.opcode for sent in client.frames] == [PONG] * 2000
        assert turns > 2000 * CONTROL_FRAME / UNITS_A_TURN


# Flow control: writing.


@codecs
def test_s3_send_waits_for_a_client_that_does_not_read(codec: str) -> None:
    sent = 0

    async def conversation(receive: Receive, send: Send) -> None:
        nonlocal sent
        for _ in range(100):
            await send({"type": "websocket.send", "bytes": bytes(10_000)})
            sent += 1

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await conversation(receive, send)

    with WebSocketServer(app, codec, **NEVER) as server:
        client = server.open()
        client.transport.stall()
        client.say(text("go"))
        assert 5 < sent < 10
        client.wait(30)
        assert sent < 10
        client.transport.read()
        server.loop.settle()
        assert sent == 100
        assert client.code == 1000


def test_s3_a_client_that_reads_nothing_is_cut_off() -> None:
    """After timeout-write, unless it reads a little from time to time."""

    async def conversation(receive: Receive, send: Send) -> None:
        await receive()
        while True:
            await send({"type": "websocket.send", "bytes": bytes(100_000)})

    with WebSocketServer(accepting(conversation), timeout_write=10, **NEVER) as server:
        client = server.open()
        client.transport.stall()
        client.say(text("go"))
        for _ in range(4):
            client.wait(8)
            client.transport.read(3000)
        assert not client.transport.closed
        client.wait(21)
        assert client.transport.aborted
        assert "timeout-write" in server.log.texts(logging.WARNING)[-1]
        assert not server.context.cycles


def test_s3_only_the_latest_ping_is_answered_to_a_client_that_does_not_read() -> None:
    """So that pongs do not pile up (RFC 6455 section 5.5.3)."""

    async def conversation(receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.send", "bytes": bytes(100_000)})
        await receive()

    with WebSocketServer(accepting(conversation), **NEVER) as server:
        client = server.open()
        client.transport.stall()
        client.say(text("go"))
        client.say(*(frame(PING, b"%d" % number) for number in range(100)))
        client.transport.read()
        server.loop.settle()
        assert [sent.payload for sent in client.frames if sent.opcode == PONG] == [b"99"]


def test_a_pong_while_the_client_does_not_read_is_not_missed() -> None:
    """A client that has not read the ping cannot have answered it: timeout-write deals with that."""

    async def conversation(receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.send", "bytes": bytes(100_000)})
        await receive()

    options: dict[str, Any] = {"ws_ping_interval": 2, "ws_ping_timeout": 3, "timeout_write": 30}
    with WebSocketServer(accepting(conversation), **options) as server:
        client = server.open()
        client.transport.stall()
        client.say(text("go"))
        client.wait(25)
        assert not client.transport.closed
        client.wait(10)
        assert client.transport.aborted


# Sizes.


@codecs
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_s3_a_message_may_have_so_many_bytes_and_not_one_more(codec: str, opcode: int) -> None:
    """In one frame, in fragments, in pieces: 1009. The server does not wait for what is too large."""
    size = 1000
    fitting = [frame(opcode, b"x" * size), b"".join(fragments(opcode, b"x" * 999, b"", b"x"))]
    too_large = [
        frame(opcode, b"x" * (size + 1))[:8],
        b"".join([frame(opcode, b"x" * size, fin=False), frame(CONTINUATION, b"x")[:2]]) + bytes(4),
        frame(opcode, b"x" * (1 << 17))[:14],
        bytes((0x80 | opcode, 0xFF)) + (1 << 62).to_bytes(8, "big") + bytes(4),
    ]
    for last in too_large:
        app = Recorder()
        with WebSocketServer(app, codec, ws_max_size=size) as server:
            client = server.open()
            client.say(*fitting, last)
            assert [len(message) for message in app.received] == [size, size]
            assert client.code == 1009
            assert app.ends == [(1009, "message too big")]


@codecs
@pytest.mark.parametrize("size", [1, 100])
def test_s3_a_small_limit(codec: str, size: int) -> None:
    app = Recorder()
    with WebSocketServer(app, codec, ws_max_size=size) as server:
        client = server.open()
        client.say(text("x" * size), text("x" * (size + 1)))
        assert (app.received, client.code) == (["x" * size], 1009)


def of_fragments(count: int) -> bytes:
    rest = frame(CONTINUATION, b"b", fin=False) * (count - 2)
    return frame(BINARY, b"a", fin=False) + rest + frame(CONTINUATION)


@codecs
def test_s5_a_message_may_have_65536_fragments(codec: str) -> None:
    """And an empty one at its end, as in case 9.3.1 of Autobahn."""
    app = Recorder(echo=False)
    with WebSocketServer(app, codec, **NEVER) as server:
        server.open().say(of_fragments(65_537))
    assert app.received == [b"a" + b"b" * 65_535]


@codecs
def test_s5_not_more_fragments_than_the_limit(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esg_ws.intake.MOST_FRAGMENTS", 100)
    app, client = exchange(codec, [of_fragments(100), of_fragments(101)])
    assert (len(app.received), client.code) == (1, 1009)
