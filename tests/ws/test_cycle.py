"""ASGI's WebSocket messages after the accept: their order and types, and what happens at the end (S-2, S-4)."""

import asyncio
import gc
import logging
from typing import Any

import pytest

from esg_core.asgi import Message, Receive, Send
from esg_core.errors import ApplicationError
from esg_ws.assembler import Assembler
from esg_ws.connection import Connection
from esg_ws.cycle import Cycle
from esg_ws.intake import FrameReader
from tests.support.ws.frames import BINARY, CLOSE, TEXT, close, text
from tests.support.ws.memory import CODECS, Client, Recorder, WebSocketServer, accepting

codecs = pytest.mark.parametrize("codec", CODECS)


def run(*messages: Any) -> tuple[Client, list[logging.LogRecord]]:
    """An application that accepts and sends these; returns the client and what was logged."""

    async def conversation(receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    with WebSocketServer(accepting(conversation)) as server:
        return server.open(), server.log.records


@pytest.mark.parametrize(
    ("message", "opcode", "payload"),
    [
        ({"text": "Grüße"}, TEXT, "Grüße".encode()),
        ({"text": ""}, TEXT, b""),
        ({"text": "a", "bytes": None}, TEXT, b"a"),
        ({"bytes": b"b"}, BINARY, b"b"),
        ({"bytes": b"", "text": None}, BINARY, b""),
        ({"bytes": b"b", "text": "a"}, BINARY, b"b"),
        ({"bytes": bytearray(b"array")}, BINARY, b"array"),
        ({"bytes": memoryview(b"view")}, BINARY, b"view"),
        ({"bytes": b"x" * 126}, BINARY, b"x" * 126),
        ({"text": "x" * 65535}, TEXT, b"x" * 65535),
        ({"bytes": b"x" * 65536}, BINARY, b"x" * 65536),
    ],
)
def test_what_can_be_sent(message: Message, opcode: int, payload: bytes) -> None:
    client, _ = run({"type": "websocket.send", **message})
    assert client.frames[0] == (0x80 | opcode, payload)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (None, "a dict with a type, not None"),
        ({}, "a dict with a type"),
        ({"type": "websocket.accept"}, "expects websocket.send or websocket.close now"),
        ({"type": "websocket.receive"}, "the application sent 'websocket.receive'"),
        ({"type": "http.response.start"}, "the application sent 'http.response.start'"),
        ({"type": "websocket.http.response.start"}, "expects websocket.send or websocket.close"),
        ({"type": "websocket.send"}, "websocket.send needs bytes"),
        ({"type": "websocket.send", "text": b"x"}, "websocket.send needs bytes"),
        ({"type": "websocket.send", "bytes": "x"}, "websocket.send needs bytes"),
        ({"type": "websocket.send", "text": 1}, "websocket.send needs bytes"),
        ({"type": "websocket.close", "code": 1005}, "1005 is not a valid close code"),
        ({"type": "websocket.close", "code": "1000"}, "'1000' is not a valid close code"),
        ({"type": "websocket.close", "code": 999}, "999 is not a valid close code"),
        ({"type": "websocket.close", "reason": b"x"}, "reason must be a str, not bytes"),
    ],
)
def test_h10_what_breaks_a_rule_is_an_error_that_names_it(message: Any, said: str) -> None:
    """H-10, S-4: the connection closes with 1011."""
    client, records = run(message)
    (record,) = records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ApplicationError)
    assert said in str(record.exc_info[1])
    assert client.code == 1011


def test_nothing_may_follow_a_close() -> None:
    client, records = run({"type": "websocket.close"}, {"type": "websocket.send", "text": "late"})
    assert client.code == 1000
    assert records[0].exc_info is not None
    assert "the application has closed the connection" in str(records[0].exc_info[1])


@pytest.mark.parametrize(
    ("message", "code", "payload"),
    [
        ({}, 1000, b""),
        ({"code": None, "reason": None}, 1000, b""),
        ({"code": 4001, "reason": "später"}, 4001, "später".encode()),
        ({"reason": "r" * 200}, 1000, b"r" * 123),
        ({"reason": "é" * 100}, 1000, "é".encode() * 61),
    ],
)
def test_s2_a_close_of_the_application(message: Message, code: int, payload: bytes) -> None:
    """A reason that is too long is cut, never within a character."""
    client, records = run({"type": "websocket.close", **message})
    assert (client.code, client.frames[-1].payload[2:]) == (code, payload)
    assert records == []


def test_s4_an_application_that_returns() -> None:
    client, records = run({"type": "websocket.send", "text": "bye"})
    assert [frame.opcode for frame in client.frames] == [TEXT, CLOSE]
    assert (client.code, records) == (1000, [])


def test_s4_an_application_that_raises() -> None:
    async def conversation(receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    with WebSocketServer(accepting(conversation)) as server:
        assert server.open().code == 1011
        (record,) = server.log.records
        assert record.exc_info is not None
        assert record.exc_info[0] is ZeroDivisionError
        assert "GET /chat?room=1" in record.getMessage()


@codecs
@pytest.mark.parametrize("how", ["close", "eof", "reset"])
def test_s4_send_raises_an_oserror_once_the_client_is_gone(codec: str, how: str) -> None:
    """S-4, S-2: even for an application that never receives; then each `receive()` gets the disconnect."""
    seen: list[Any] = []

    async def conversation(receive: Receive, send: Send) -> None:
        try:
            while True:
                await send({"type": "websocket.send", "text": "tick"})
                await asyncio.sleep(1)
        except OSError as error:
            seen.append(type(error).__name__)
        seen.extend([await receive(), await receive()])
        await send({"type": "websocket.close"})

    with WebSocketServer(accepting(conversation), codec) as server:
        client = server.open()
        if how == "close":
            client.say(close(3000, b"enough"))
        elif how == "eof":
            client.hang_up()
        else:
            client.transport.reset()
        client.wait(2)
        end = {"code": 3000, "reason": "enough"} if how == "close" else {"code": 1006, "reason": ""}
        assert seen == ["ClientDisconnected"] + [{"type": "websocket.disconnect", **end}] * 2
        assert server.log.trouble == []


def test_s4_send_raises_although_the_loop_never_runs() -> None:
    """An application that only sends would keep the loop from noticing the loss, and one message is lost with it."""
    sent = 0

    async def conversation(receive: Receive, send: Send) -> None:
        nonlocal sent
        await receive()
        while sent < 1000:
            await send({"type": "websocket.send", "text": "tick"})
            sent += 1
            if sent == 10:
                client.transport.abort()

    with WebSocketServer(accepting(conversation)) as server:
        client = server.open()
        client.say(text("go"))
        client.wait(1)
        assert sent == 11
        assert server.log.trouble == []


def test_s4_an_application_may_let_the_error_through() -> None:
    async def conversation(receive: Receive, send: Send) -> None:
        while True:
            await send({"type": "websocket.send", "text": "tick"})
            await asyncio.sleep(1)

    with WebSocketServer(accepting(conversation)) as server:
        client = server.open()
        client.say(close())
        client.wait(2)
        assert server.log.trouble == []
        assert not server.context.cycles


@codecs
def test_a_receive_that_is_cancelled_loses_no_message(codec: str) -> None:
    """Time-outs around `receive()` are common; a message that comes meanwhile goes to the next call."""
    received: list[Any] = []

    async def conversation(receive: Receive, send: Send) -> None:
        while len(received) < 3:
            waiting = asyncio.ensure_future(receive())
            await asyncio.sleep(1)
            if not waiting.done():
                waiting.cancel()
                continue
            received.append(waiting.result())

    with WebSocketServer(accepting(conversation), codec) as server:
        client = server.open()
        for word in ("a", "b", "c"):
            client.wait(1.5)
            client.say(text(word))
        client.wait(3)
        assert [message["text"] for message in received] == ["a", "b", "c"]


def test_a_message_is_not_lost_when_its_receiver_is_cancelled_at_that_moment() -> None:
    """The receiver has been woken up and has not run yet."""
    received: list[Any] = []
    waiting: list[asyncio.Future[Message]] = []

    async def conversation(receive: Receive, send: Send) -> None:
        waiting.append(asyncio.ensure_future(receive()))
        await asyncio.wait(waiting)
        received.append(await receive())

    with WebSocketServer(accepting(conversation)) as server:
        client = server.open()
        client.transport.get_protocol().data_received(text("now"))
        waiting[0].cancel()
        server.loop.settle()
        assert waiting[0].cancelled()
        assert received == [{"type": "websocket.receive", "text": "now"}]


def test_several_receivers_share_the_messages() -> None:
    got: list[str] = []

    async def conversation(receive: Receive, send: Send) -> None:
        async def worker() -> None:
            while (message := await receive())["type"] == "websocket.receive":
                got.append(message["text"])

        await asyncio.gather(worker(), worker(), worker())

    with WebSocketServer(accepting(conversation)) as server:
        client = server.open()
        client.say(text("a"), text("b") + text("c"), text("d"))
        client.say(close())
        assert sorted(got) == ["a", "b", "c", "d"]


def test_a_close_of_the_application_ends_its_receiving() -> None:
    """Messages that have come and were not received are dropped too."""
    seen: list[Any] = []

    async def conversation(receive: Receive, send: Send) -> None:
        await asyncio.sleep(1)
        await send({"type": "websocket.close", "code": 4000, "reason": "full"})
        seen.append(await receive())

    with WebSocketServer(accepting(conversation)) as server:
        client = server.open()
        client.say(text("unheard"))
        client.wait(2)
        assert seen == [{"type": "websocket.disconnect", "code": 4000, "reason": "full"}]


@pytest.mark.needs("reference counting")
def test_nothing_waits_for_the_garbage_collector() -> None:
    """Once a connection is over, its parts no longer refer to each other."""

    def left() -> list[Any]:
        return [
            found for found in gc.get_objects() if issubclass(type(found), (Assembler, Connection, Cycle, FrameReader))
        ]

    gc.collect()
    gc.disable()
    try:
        with WebSocketServer(Recorder()) as server:
            client = server.open()
            client.say(text("x"), close())
            client.wait(1)
            assert client.transport.closed
            client.transport.set_protocol(asyncio.Protocol())
            assert left() == []
    finally:
        gc.enable()
