"""What a client may try to cost too much, or to lose what was meant for it (S-3, S-4, S-5)."""

import asyncio
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from esg_core.asgi import Receive, Send
from esg_core.turns import UNITS_A_TURN
from esg_ws.connection import CLOSE_PATIENCE
from esg_ws.intake import CONTROL_FRAME
from tests.support.ws.frames import BINARY, CONTINUATION, PING, PONG, TEXT, close, deflated, fragments, frame, text
from tests.support.ws.memory import CODECS, OFFER, Recorder, WebSocketServer, accepting, exchange

codecs = pytest.mark.parametrize("codec", CODECS)
NEVER: dict[str, Any] = {"ws_ping_interval": 0}


async def sleep(receive: Receive, send: Send) -> None:
    """Neither receives nor sends, for a minute."""
    await asyncio.sleep(60)


async def send_and_close(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.send", "bytes": bytes(60_000)})
    await send({"type": "websocket.close", "code": 4000})


# Clients that read slowly, or not at all.


@codecs
def test_s4_a_slow_reader_is_not_cut_off_in_the_middle_of_a_message(codec: str) -> None:
    """The time to answer a close begins when the close has been read."""
    with WebSocketServer(accepting(send_and_close), codec, **NEVER) as server:
        client = server.open()
        client.transport.read()
        client.transport.stall()
        client.say(text("go"))
        received = 0
        while received < 60_000:
            client.wait(CLOSE_PATIENCE - 0.5)
            received += len(client.transport.read(5000))
        assert client.code == 4000
        client.transport.read()
        client.say(close(4000))
        assert client.transport.closed
        assert not client.transport.aborted


def test_s4_a_client_that_reads_nothing_is_cut_off() -> None:
    with WebSocketServer(accepting(send_and_close), **NEVER) as server:
        client = server.open()
        client.transport.stall()
        client.say(text("go"))
        client.wait(CLOSE_PATIENCE + 0.3)
        assert client.transport.aborted


def test_s4_a_drain_does_not_wait_for_slow_readers() -> None:
    with WebSocketServer(accepting(send_and_close), **NEVER) as server:
        client = server.open()
        client.transport.stall()
        client.say(text("go"))
        server.context.drain()
        client.wait(CLOSE_PATIENCE - 0.5)
        client.transport.read(5000)
        client.wait(0.8)
        assert client.transport.aborted


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@codecs
def test_s3_a_client_that_goes_while_reading_is_paused_is_seen(
    codec: str, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Reading is paused, as the application does not receive: only the kernel knows."""
    with WebSocketServer(accepting(sleep), codec, ws_max_queue=2, ws_ping_interval=2, ws_ping_timeout=2) as server:
        client = server.open(extra={"socket": pair[0]})
        client.say(*[text("unheard")] * 5)
        client.wait(20)
        assert not client.transport.is_reading()
        assert not client.transport.closed
        pair[1].close()
        client.wait(4.3)
        assert client.transport.aborted
        client.wait(60)


@codecs
def test_s5_after_a_close_a_full_queue_stops_no_reading(codec: str) -> None:
    """The answer to the close comes after more frames than one turn reads."""
    with WebSocketServer(accepting(sleep), codec, ws_max_queue=2, **NEVER) as server:
        client = server.open()
        client.say(text("one"), text("two"))
        server.context.drain()
        client.say(frame(PONG) * (2 * UNITS_A_TURN // CONTROL_FRAME) + close(1012))
        assert client.transport.closed
        assert not client.transport.aborted
        client.wait(60)


# Frames that leave a codec in mid-message.


@codecs
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize(
    "new", [frame(TEXT, b"new"), frame(BINARY, b"new"), frame(TEXT, b"new", fin=False)], ids=bytes.hex
)
def test_5_4_an_empty_first_fragment_begins_a_message(codec: str, opcode: int, new: bytes) -> None:
    """RFC 6455 section 5.4: no other may begin before its end."""
    app, client = exchange(codec, [frame(opcode, b"", fin=False), new])
    assert (app.received, client.code) == ([], 1002)


@codecs
@pytest.mark.parametrize("fields", [b"", OFFER])
@pytest.mark.parametrize("first", [b"", b"be"])
def test_s3_a_pong_between_fragments_forgets_nothing(codec: str, first: bytes, fields: bytes) -> None:
    """Once a ping is answered, what is not needed is freed; a message that has begun is needed."""
    app = Recorder()
    with WebSocketServer(app, codec, ws_ping_interval=2, ws_ping_timeout=0) as server:
        client = server.open(fields)
        client.say(frame(TEXT, first, fin=False))
        client.wait(2.3)
        (ping,) = client.frames
        client.say(frame(PONG, ping.payload), frame(CONTINUATION, b"gun"))
    assert app.received == [first.decode() + "gun"]


# What floods cost, and bombs.


def cpu_of(codec: str, sent: bytes, *fields: bytes) -> float:
    """CPU seconds for reading this, in segments as from a socket."""
    with WebSocketServer(Recorder(echo=False), codec, **NEVER) as server:
        client = server.open(*fields)
        segments = [sent[at : at + 65536] for at in range(0, len(sent), 65536)]
        began = time.process_time()
        client.say(*segments)
        took = time.process_time() - began
        assert client.code is None
        return took


def of_tiny_fragments(count: int) -> bytes:
    return frame(BINARY, b"a", fin=False) + frame(CONTINUATION, b"b", fin=False) * count + frame(CONTINUATION)


def of_empty_fragments(count: int) -> bytes:
    return frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * count + frame(CONTINUATION)


def of_empty_messages(count: int) -> bytes:
    return frame(TEXT) * count


def of_messages_in_fragments(count: int) -> bytes:
    return b"".join(fragments(TEXT, b"", b"")) * (count // 2)


def of_pings(count: int) -> bytes:
    return frame(PING) * count


def of_compressed_messages(count: int) -> bytes:
    return frame(TEXT, deflated(b""), rsv=4) * count


FLOODS = [
    of_tiny_fragments,
    of_empty_fragments,
    of_empty_messages,
    of_messages_in_fragments,
    of_pings,
    of_compressed_messages,
]


@pytest.mark.slow
@codecs
@pytest.mark.parametrize("flood", FLOODS)
def test_s5_floods_take_linear_time(codec: str, flood: Any) -> None:
    """Eight times the frames take about eight times the CPU time, and no frame takes long."""
    fields = [OFFER] if flood is of_compressed_messages else []
    few, many = 1500, 12_000
    cpu_of(codec, flood(few), *fields)
    short = min(cpu_of(codec, flood(few), *fields) for _ in range(3))
    long = min(cpu_of(codec, flood(many), *fields) for _ in range(2))
    assert long < 16 * short + 0.02
    assert long / many < 200e-6


@pytest.mark.needs("_tracemalloc")
@codecs
def test_s3_a_bomb_in_fragments_takes_no_memory(codec: str) -> None:
    """Each fragment is small and inflates to a thousand times its size; the message's limit stops it."""
    limit = 1 << 20
    parts = [deflated(bytes(limit // 8), bits=15) + b"\0\0\xff\xff" for _ in range(64)]
    sent = fragments(BINARY, *parts)
    sent[0] = bytes((sent[0][0] | 0x40,)) + sent[0][1:]
    with WebSocketServer(Recorder(echo=False), codec, ws_max_size=limit, **NEVER) as server:
        client = server.open(OFFER.replace(b"; client_max_window_bits", b""))
        import tracemalloc

        tracemalloc.start()
        client.say(*sent)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert client.code == 1009
        assert peak < 6 * limit
