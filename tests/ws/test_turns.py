"""No turn of the loop does much for one client, whatever it sends, and nothing is lost (S-5, H-22)."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from esg_core.asgi import Receive, Send
from tests.support.http2.driven import Client as H2Client
from tests.support.http2.websocket import CONNECT
from tests.support.ws.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, deflated, frame, text
from tests.support.ws.memory import CODECS, OFFER, REQUEST, Recorder, WebSocketServer, accepting
from tests.support.ws.work import counted

codecs = pytest.mark.parametrize("codec", CODECS)

LARGE = 4 << 20
OPTIONS: dict[str, Any] = {
    "ws_ping_interval": 0,
    "ws_max_size": LARGE,
    "ws_max_queue": 1_000_000,
    "ws_max_queue_bytes": 1 << 30,
}

EMPTY_BLOCKS = bytes.fromhex(
    "04c0010500000000a0feaf4e02e080020000000050ff57270170400100000000a8ffab930038a00000000000d4ffd549001c500000000000ea"
    "ffea24000e280000000000f57f75120007140000000080fabf3a0980030a0000000040fd5f9d"
)
"""Eight blocks of nothing but their own Huffman tables: what costs zlib most per byte (RFC 1951)."""

Flood = tuple[bytes, list[str | bytes]]
"""What is sent, and the messages in it."""


def compressed(opcode: int, content: bytes, *, fin: bool = True) -> bytes:
    return frame(opcode, deflated(content), rsv=4, fin=fin)


def of_inflating_messages() -> Flood:
    return compressed(BINARY, bytes(LARGE)) * 6, [bytes(LARGE)] * 6


def of_inflating_texts() -> Flood:
    content = "Grüße, 漢字, \U0001f600. " * (LARGE // 30)
    return compressed(TEXT, content.encode()) * 4, [content] * 4


def of_an_inflating_message_in_fragments() -> Flood:
    content = bytes(LARGE)
    whole = deflated(content)
    cuts = [whole[at : at + 100] for at in range(0, len(whole), 100)]
    rest = b"".join(frame(CONTINUATION, cut, fin=False) for cut in cuts[1:])
    return frame(BINARY, cuts[0], rsv=4, fin=False) + rest + frame(CONTINUATION), [content]


def of_what_cannot_be_compressed() -> Flood:
    content = random.Random(1).randbytes(LARGE)
    return compressed(BINARY, content), [content]


def of_empty_blocks() -> Flood:
    return frame(BINARY, EMPTY_BLOCKS * 5000, rsv=4), [b""]


def of_small_compressed_messages() -> Flood:
    return compressed(TEXT, b"a" * 100) * 5000, ["a" * 100] * 5000


def of_empty_messages() -> Flood:
    return text("") * 20_000, [""] * 20_000


def of_small_fragments() -> Flood:
    return frame(BINARY, fin=False) + frame(CONTINUATION, b"a", fin=False) * 3000 + frame(CONTINUATION), [b"a" * 3000]


def of_large_fragments() -> Flood:
    part = random.Random(2).randbytes(LARGE // 4)
    rest = frame(CONTINUATION, part, fin=False) * 2 + frame(CONTINUATION, part)
    return frame(BINARY, part, fin=False) + rest, [part * 4]


def of_large_frames() -> Flood:
    content = "é" * (LARGE // 2)
    return text(content) * 3, [content] * 3


def of_pings() -> Flood:
    return frame(PING, b"?") * 3000, []


def of_pongs() -> Flood:
    return frame(PONG, b"!") * 10_000, []


FLOODS = [
    of_inflating_messages,
    of_inflating_texts,
    of_an_inflating_message_in_fragments,
    of_what_cannot_be_compressed,
    of_empty_blocks,
    of_small_compressed_messages,
    of_empty_messages,
    of_small_fragments,
    of_large_fragments,
    of_large_frames,
    of_pings,
    of_pongs,
]

floods = pytest.mark.parametrize("flood", FLOODS)


def segments(sent: bytes, size: int = 262144) -> list[bytes]:
    """The most that a socket delivers at once."""
    return [sent[at : at + size] for at in range(0, len(sent), size)]


@codecs
@floods
def test_s5_no_turn_does_much(codec: str, flood: Callable[[], Flood]) -> None:
    sent, messages = flood()
    app = Recorder(echo=False)
    with WebSocketServer(app, codec, **OPTIONS) as server, counted(server.loop) as work:
        client = server.open(OFFER)
        client.say(*segments(sent))
        assert work.is_bounded(), work.most
        assert app.received == messages
        assert client.code is None
        assert len(client.frames) == (3000 if flood is of_pings else 0)


@codecs
@floods
def test_s5_nor_after_the_close(codec: str, flood: Callable[[], Flood]) -> None:
    """S-4: what comes then costs next to nothing, and the client's answer after it is found."""

    async def conversation(receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close", "code": 4000})

    sent, _ = flood()
    with WebSocketServer(accepting(conversation), codec, **OPTIONS) as server, counted(server.loop) as work:
        client = server.open(OFFER)
        client.say(*segments(sent + close(4000)))
        assert work.is_bounded(), work.most
        assert work.in_all["inflated"] == 0
        assert [sent.opcode for sent in client.frames] == [CLOSE]
        assert (client.transport.closed, client.transport.aborted) == (True, False)


@codecs
@floods
def test_s5_no_turn_does_much_over_http2(codec: str, flood: Callable[[], Flood]) -> None:
    sent, messages = flood()
    app = Recorder(echo=False)
    with WebSocketServer(app, codec, **OPTIONS) as server, counted(server.loop) as work:
        client = H2Client(server)
        number = opened(client)
        pour(client, {number: sent})
        assert work.is_bounded(), work.most
        assert app.received == messages
        assert client.answers[number].reset is None


@codecs
def test_s5_all_streams_of_a_connection_are_one_client(codec: str) -> None:
    """Rule H-22: each alone could fill a turn."""
    count = 40
    message = bytes(LARGE // 8)
    app = Recorder(echo=False)
    with WebSocketServer(app, codec, **OPTIONS) as server, counted(server.loop) as work:
        client = H2Client(server)
        numbers = [opened(client) for _ in range(count)]
        pour(client, dict.fromkeys(numbers, compressed(BINARY, message) * 2))
        assert work.is_bounded(), work.most
        assert app.received == [message] * (2 * count)


def opened(client: H2Client) -> int:
    """A stream on which the handshake is done."""
    number = client.ask([*CONNECT, (b"sec-websocket-extensions", b"permessage-deflate")], end=False)
    client.turn()
    assert client.answers[number].status == 200
    return number


def pour(client: H2Client, sent: dict[int, bytes]) -> None:
    """Send `data` on each stream, as fast as the windows allow."""
    left = dict(sent)
    while left:
        for number, data in list(left.items()):
            size = min(client.h2.local_flow_control_window(number), 16384, len(data))
            if size:
                client.h2.send_data(number, data[:size])
                left[number] = data[size:]
            if not left[number]:
                del left[number]
        if all(not client.h2.local_flow_control_window(number) for number in left):
            client.turn()
    client.turn()


@codecs
def test_s5_others_are_served_meanwhile(codec: str) -> None:
    """Within a few turns, each time."""
    sent, messages = of_inflating_messages()
    app, echo = Recorder(echo=False), Recorder()

    async def either(scope: Any, receive: Receive, send: Send) -> None:
        await (app if scope["path"] == "/chat" else echo)(scope, receive, send)

    with WebSocketServer(either, codec, **OPTIONS) as server:
        client = server.open(OFFER)
        other = server.ask(REQUEST.replace(b"/chat?room=1", b"/other"))
        for segment in segments(sent):
            client.transport.feed(segment)
        served = 0
        while len(app.received) < len(messages):
            other.transport.feed(text("quick"))
            for _ in range(6):
                server.loop.call_soon(server.loop.stop)
                server.loop.run_forever()
            served += 1
            assert len(other.frames) == served
        assert served > 5


@codecs
def test_s5_an_application_that_always_receives_leaves_others_their_turn(codec: str) -> None:
    """What it receives makes room for more, which is read in a separate turn, not within `receive()`."""
    sent, messages = of_inflating_messages()
    app = Recorder(echo=False)
    options = {**OPTIONS, "ws_max_queue_bytes": LARGE}
    with WebSocketServer(app, codec, **options) as server, counted(server.loop) as work:
        client = server.open(OFFER)
        client.say(*segments(sent))
        assert work.is_bounded(), work.most
        assert app.received == messages
