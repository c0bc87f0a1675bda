"""What waits for an application that does not receive has one bound in bytes per WebSocket (S-6)."""

import asyncio
from typing import Any

import pytest

from esg_core.asgi import Receive, Send
from esg_core.errors import UsageError
from esg_core.options.config import Config
from esg_ws.connection import Connection
from esg_ws.deflate import PIECE
from esg_ws.settings import Settings
from tests.support.behaviour.over_streams import connect, each_version, websocket_request
from tests.support.ws.frames import BINARY, CONTINUATION, PING, PONG, TEXT, deflated, fragments, frame, text
from tests.support.ws.memory import CODECS, OFFER, WebSocketServer, accepting

codecs = pytest.mark.parametrize("codec", CODECS)
NEVER: dict[str, Any] = {"ws_ping_interval": 0}
SIZE = 1 << 20
SEGMENT = 262144


def held(server: WebSocketServer) -> int:
    """Bytes of messages that the only WebSocket holds."""
    (connection,) = [found for found in server.context.connections if isinstance(found, Connection)]
    waiting: Any = connection._inbox
    return sum(len(message) for message, _ in waiting._messages) + connection._intake.collected


class Late:
    """Receives nothing for a minute, then everything; with `before`, it first receives that many messages."""

    def __init__(self, before: int = 0) -> None:
        self.received: list[str | bytes] = []
        self._before = before

    async def __call__(self, receive: Receive, send: Send) -> None:
        for _ in range(self._before):
            await receive()
        await asyncio.sleep(60)
        while (message := await receive())["type"] == "websocket.receive":
            self.received.append(message.get("text", message.get("bytes")))


def compressed(content: bytes, opcode: int = BINARY) -> bytes:
    return frame(opcode, deflated(content), rsv=4)


@pytest.mark.needs("_tracemalloc")
@codecs
def test_s6_compressed_messages_wait_compressed(codec: str) -> None:
    """100 of nearly the largest size, which are tiny on the wire."""
    content = bytes(SIZE - 100_000)
    app = Late()
    with WebSocketServer(accepting(app), codec, ws_max_size=SIZE, **NEVER) as server:
        client = server.open(OFFER)
        sent = compressed(content) * 100
        import tracemalloc

        tracemalloc.start()
        client.say(*[sent[at : at + SEGMENT] for at in range(0, len(sent), SEGMENT)])
        now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert SIZE < held(server) <= 2 * SIZE + PIECE
        assert now < 2 * SIZE + 2 * SEGMENT
        assert peak < 3 * SIZE + 2 * SEGMENT, "a message is joined while others wait"
        assert not client.transport.is_reading()
        client.wait(61)
        assert app.received == [content] * 100
        assert client.transport.is_reading()


SENT = {
    "whole": frame(BINARY, bytes(90_000)),
    "compressed": compressed(bytes(90_000)),
    "fragments": b"".join(fragments(BINARY, *[bytes(1000)] * 90)),
    "one frame in fragments": frame(BINARY, bytes(89_999), fin=False) + frame(CONTINUATION, b"\0"),
}


@codecs
@pytest.mark.parametrize("way", SENT)
@pytest.mark.parametrize("bound", [100_000, 150_000, 1_000_000])
def test_s6_the_bound_counts_the_message_that_is_coming(codec: str, way: str, bound: int) -> None:
    """However it comes, and whatever the bound; all arrive once they are received."""
    app = Late()
    with WebSocketServer(
        accepting(app), codec, ws_max_size=100_000, ws_max_queue_bytes=bound, ws_max_queue=100, **NEVER
    ) as server:
        client = server.open(OFFER)
        client.say(*[SENT[way]] * 30)
        assert bound - 90_000 <= held(server) <= bound + 90_000
        client.wait(61)
        assert app.received == [bytes(90_000)] * 30


@codecs
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("way", ["whole", "pieces", "fragments", "compressed"])
def test_s6_a_message_of_the_largest_size_always_fits(codec: str, opcode: int, way: str) -> None:
    """Even if the bound is no more than that, and others wait before it."""
    content = b"a" * 300_000
    sent = {
        "whole": [frame(opcode, content)],
        "pieces": [frame(opcode, content)[at : at + 10_000] for at in range(0, len(content) + 14, 10_000)],
        "fragments": fragments(opcode, content[:100_000], content[100_000:], b""),
        "compressed": [frame(opcode, deflated(content), rsv=4)],
    }[way]
    app = Late(before=1)
    with WebSocketServer(
        accepting(app), codec, ws_max_size=len(content), ws_max_queue_bytes=len(content), **NEVER
    ) as server:
        client = server.open(OFFER)
        client.say(text("first"), text("second"), *sent, text("last"))
        client.wait(61)
        whole = content.decode() if opcode == TEXT else content
        assert app.received == ["second", whole, "last"]
        assert client.code is None


@codecs
def test_s6_a_text_counts_what_it_takes_in_memory(codec: str) -> None:
    """At least a large one: a single wide character makes the whole text wide."""
    content = "a" * 299_990 + "\U0001f600"
    app = Late()
    with WebSocketServer(
        accepting(app), codec, ws_max_size=300_000, ws_max_queue_bytes=3_000_000, ws_max_queue=100, **NEVER
    ) as server:
        client = server.open(OFFER)
        client.say(*[compressed(content.encode(), TEXT)] * 30)
        assert 2 * 299_991 < held(server) <= 3 * 299_991
        client.wait(61)
        assert app.received == [content] * 30


@codecs
def test_s6_a_ping_behind_what_waits_is_answered_when_it_is_read(codec: str) -> None:
    """And a client from which nothing is read has not failed to answer."""
    app = Late()
    with WebSocketServer(accepting(app), codec, ws_max_size=SIZE, ws_ping_interval=2, ws_ping_timeout=3) as server:
        client = server.open(OFFER)
        client.say(compressed(bytes(SIZE)) * 4 + frame(PING, b"last"))
        client.wait(30)
        assert [sent.opcode for sent in client.frames] == [PING]
        client.say(frame(PONG, client.frames[0].payload))
        client.wait(30.5)
        assert [sent.payload for sent in client.frames if sent.opcode == PONG] == [b"last"]
        assert client.code is None
        assert app.received == [bytes(SIZE)] * 4


@codecs
@each_version
def test_s6_each_stream_has_its_own_bound(version: str, codec: str) -> None:
    """2-2, Q-4: a WebSocket that is not received holds up no other."""
    content = bytes(SIZE)
    slow, quick = Late(), Late(before=20)

    async def either(scope: Any, receive: Receive, send: Send) -> None:
        await accepting(slow if scope["query_string"] == b"room=1" else quick)(scope, receive, send)

    with WebSocketServer(either, codec, ws_max_size=SIZE, **NEVER) as server:
        client = connect(server, version)
        numbers = []
        for path in (b"/chat?room=1", b"/chat?room=2"):
            fields = [(name, path if name == b":path" else value) for name, value in websocket_request(client)]
            numbers.append(client.ask([*fields, (b"sec-websocket-extensions", b"permessage-deflate")], end=False))
        client.turn()
        for number in numbers:
            for _ in range(20):
                client.add(number, compressed(content), end=False)
        tunnels = [found for found in server.context.connections if isinstance(found, Connection)]
        counts = [sum(size for _, size in connection._inbox._messages) for connection in tunnels]  # type: ignore[attr-defined]
        assert sorted(counts) == [0, 2 * SIZE]
        server.loop.advance(61)
        assert (slow.received, quick.received) == ([content] * 20, [])


# The option.


def test_s6_the_default_is_twice_the_largest_message() -> None:
    class Context:
        config = Config("m:app", ws_max_size=1000)

    assert Settings(Context, None).max_queue_bytes == 2000  # type: ignore[arg-type]  # the part that it reads


def test_s6_a_bound_below_the_largest_message_is_refused() -> None:
    with pytest.raises(UsageError) as raised:
        Config("m:app", ws_max_size=1000, ws_max_queue_bytes=999)
    assert str(raised.value) == (
        "ws_max_queue_bytes 999 is less than ws_max_size 1000: the largest message would not fit"
    )
    assert Config("m:app", ws_max_size=1000, ws_max_queue_bytes=1000).ws_max_queue_bytes == 1000
