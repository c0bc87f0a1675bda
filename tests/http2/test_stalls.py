"""Clients that do not read, send or end (rules 2-2, 2-3), and busy ones that do no harm."""

import asyncio
from collections.abc import Callable

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.unheard import GRACE
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http2 import wire
from tests.support.http2.driven import Client
from tests.support.http2.raw import Raw, Waiting, held
from tests.support.http2.wire import GET, OPENING, PREFACE, Code, Kind, Setting

NUMBERS = range(1, 2**31, 2)
NO_WINDOW = wire.settings((Setting.INITIAL_WINDOW_SIZE, 0))
PART = 65536


class Huge:
    """An application that sends 20 MB, and counts what `send()` has accepted; `running` are its calls."""

    def __init__(self) -> None:
        self.taken = self.running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.running += 1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(20_000_000 // PART):
                await send({"type": "http.response.body", "body": bytes(PART), "more_body": True})
                self.taken += PART
        except OSError:
            return
        finally:
            self.running -= 1


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def check_others(server: MemoryServer, body: bytes = b"hello") -> None:
    """Another client is served."""
    assert Client(server).fetch().body == body


@pytest.mark.parametrize("leaves", ["resets", "breaks", "closes", "stays"])
def test_2_3_a_window_that_never_opens(leaves: str) -> None:
    """100 streams of 20 MB hold one write each, and end with the client or with timeout-write."""
    app = Huge()
    with MemoryServer(app, timeout_write=3.0) as server:
        client = Raw(server, OPENING + NO_WINDOW)
        client.send(b"".join([wire.headers(number) for number in NUMBERS[:100]]))
        assert app.running == 100
        assert held(server) <= 100 * 2 * PART
        assert app.taken <= 100 * PART
        if leaves == "resets":
            client.send(b"".join([wire.reset(number) for number in NUMBERS[:100]]))
        elif leaves == "breaks":
            client.transport.reset()
        elif leaves == "closes":
            client.transport.feed_eof()
        server.loop.advance(4 if leaves == "stays" else 1.5)
        assert app.running == 0
        assert held(server) == 0


def test_h9_a_client_that_has_closed_its_side_still_reads() -> None:
    """What its windows have room for; the application may take its time."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(5)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(PART - 1)})

    with MemoryServer(slow) as server:
        client = Raw(server)
        client.send(wire.headers())
        client.transport.feed_eof()
        server.loop.advance(6)
        assert sum(len(frame.payload) for frame in client.frames() if frame.kind == Kind.DATA) == PART - 1
        assert client.transport.closed


def test_2_3_a_window_of_one_byte_at_a_time() -> None:
    """Each byte costs the client more than the server, and in the end the connection."""
    app = Huge()
    with MemoryServer(app) as server:
        client = Raw(server, OPENING + NO_WINDOW + wire.headers())
        for _ in range(1100):
            client.send(wire.window(1, 1))
            assert held(server) <= 3 * PART
        sizes = [len(frame.payload) for frame in client.frames() if frame.kind == Kind.DATA]
        assert set(sizes) == {1}
        assert len(sizes) <= 1000
        assert client.code == Code.ENHANCE_YOUR_CALM
        server.loop.advance(2 * GRACE)
        assert app.running == 0


TOO_LONG = (*GET[:2], (b":path", b"/" + b"a" * 16300), GET[3])

ASKING: dict[str, Callable[[int], bytes]] = {
    "PING": lambda number: wire.ping(),
    "SETTINGS": lambda number: wire.settings(),
    "requests": wire.headers,
    "requests that are refused": lambda number: wire.headers(
        number, [*GET[:2], (b":path", b"/" + b"a" * 17000), GET[3]]
    ),
    "resets of open requests": lambda number: wire.post(number) + wire.reset(number),
}


@pytest.mark.parametrize("name", ASKING)
def test_2_3_answers_that_are_not_read(name: str) -> None:
    """Immediate answers have no window, but what is left unread of them is still bounded."""
    with MemoryServer(hello, timeout_write=3.0) as server:
        client = Raw(server)
        client.transport.stall()
        for number in NUMBERS[:5000]:
            client.transport.feed(ASKING[name](number))
            if number % 256 == 1:
                server.loop.settle()
                assert held(server) <= 8 * PART
        server.loop.settle()
        assert held(server) <= 8 * PART
        check_others(server)
        server.loop.advance(7)
        assert client.transport.closed
        assert not server.context.cycles


def test_c4_answers_that_are_read_late_are_all_there() -> None:
    """A client that finally reads gets everything it asked for."""
    with MemoryServer(hello) as server:
        client = Raw(server)
        ended: list[int] = []
        for at in range(0, 3000, 100):
            client.transport.stall()
            for number in NUMBERS[at : at + 100]:
                client.send(wire.headers(number) + wire.ping())
            client.transport.read()
            server.loop.settle()
            ended += [frame.stream for frame in client.frames() if frame.kind == Kind.DATA]
            server.loop.advance(1.5)
        assert ended == list(NUMBERS[:3000])
        assert client.code is None


BEGUN: dict[str, bytes] = {
    "nothing": b"",
    "half a preface": PREFACE[:10],
    "a preface without SETTINGS": PREFACE,
    "half of its SETTINGS": PREFACE + wire.settings((3, 100))[:12],
    "a header block without end": OPENING + wire.headers(done=False),
    "half a header block": OPENING + wire.headers()[:20],
    "half a frame header": OPENING + wire.ping()[:5],
    "half a PING": OPENING + wire.ping()[:12],
    "no acknowledgement of the settings": PREFACE + wire.settings() + wire.headers(),
}


@pytest.mark.parametrize("name", BEGUN)
def test_2_3_what_does_not_go_on_ends(name: str) -> None:
    """Whatever has begun, however slowly it goes on."""
    with MemoryServer(Recorder(), timeout_keep_alive=5.0, timeout_request_headers=5.0) as server:
        transport = server.connect()
        transport.feed(BEGUN[name])
        server.loop.advance(4)
        assert not transport.is_closing()
        server.loop.advance(4)
        assert transport.closed
        assert not server.context.connections


def test_2_3_a_header_block_that_drips() -> None:
    """Empty and short CONTINUATIONs keep nothing open."""
    with MemoryServer(Recorder(), timeout_request_headers=5.0, timeout_keep_alive=60.0) as server:
        client = Raw(server, OPENING + wire.headers(done=False))
        for _ in range(6):
            client.send(wire.continuation(1, b"", done=False))
            server.loop.advance(1)
        assert client.code == Code.ENHANCE_YOUR_CALM
        server.loop.advance(2)
        assert client.transport.closed


def test_2_3_a_hundred_uploads_that_stop_half_way() -> None:
    """What an application has not read is bounded by the windows, and the time for it by timeout-request."""
    app = Waiting()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        app.running += 1
        try:
            await asyncio.Event().wait()
        finally:
            app.running -= 1

    with MemoryServer(slow, timeout_request=10.0) as server:
        client = Raw(server)
        for number in NUMBERS[:100]:
            client.send(wire.post(number) + wire.data(number, bytes(16000)) * 4 + wire.data(number, bytes(1535)))
        assert app.running == 100
        assert 100 * 65535 <= held(server) <= 100 * 65535 + PART
        assert client.code is None
        client.send(wire.data(1, b"x"))
        last = client.frames()[-1]
        assert (last.kind, last.stream, last.code) == (Kind.RST_STREAM, 1, Code.FLOW_CONTROL_ERROR)
        client.transport.reset()
        server.loop.settle()
        for cycle in list(server.context.cycles):
            assert cycle.task is not None
            cycle.task.cancel()
        server.loop.settle()


def test_2_3_padding_counts_in_the_windows() -> None:
    """RFC 9113 section 6.1: all of a frame's payload does."""
    app = Waiting()
    padded = wire.frame(Kind.DATA, 1, wire.padded(bytes(16128), 255), wire.PADDED)
    with MemoryServer(app) as server:
        client = Raw(server)
        client.transport.feed(wire.post(1) + wire.data(1, bytes(16384)) * 3 + padded)
        server.loop.settle()
        assert [frame.code for frame in client.frames() if frame.kind == Kind.RST_STREAM] == [Code.FLOW_CONTROL_ERROR]


def test_2_3_a_hundred_connections_of_a_hundred_streams() -> None:
    """All at once; when the clients are gone, nothing is left."""
    app = Waiting()
    with MemoryServer(app, limit_concurrency=None) as server:
        clients = [Raw(server) for _ in range(100)]
        sent = b"".join([wire.headers(number) for number in NUMBERS[:150]])
        for client in clients:
            client.send(sent)
        assert (app.running, app.most) == (10000, 10000)
        for client in clients[:50]:
            client.transport.reset()
        server.loop.settle()
        assert app.running == 5000
        for client in clients[50:]:
            client.send(b"".join([wire.reset(number) for number in NUMBERS[:100]]))
        assert app.running == 0
        assert not server.context.cycles


@pytest.mark.parametrize("then", [wire.headers(3), wire.post(3) + wire.data(3, b"x", end=True)])
def test_6_8_requests_after_a_goaway_of_the_client(then: bytes) -> None:
    """It is about streams that the server opens, and there are none; nothing is lost."""
    with MemoryServer(Recorder()) as server:
        client = Raw(server)
        client.send(wire.post(1) + wire.goaway() + then + wire.data(1, b"x", end=True))
        ended = {frame.stream for frame in client.frames() if frame.ends}
        assert ended == {1, 3}


def test_2_5_requests_after_the_last_goaway_of_the_server_are_not_served() -> None:
    """RFC 9113 section 6.8; a flood of them is treated like any other."""
    app = Waiting()
    with MemoryServer(app) as server:
        client = Raw(server)
        client.send(wire.post(1))
        server.context.drain()
        server.loop.advance(1.5)
        client.send(b"".join([wire.headers(number) for number in NUMBERS[1:500]]))
        assert (app.calls, client.code) == (1, None)
        assert {frame.stream for frame in client.frames()} == {0}
        client.send(b"".join([wire.headers(number) for number in NUMBERS[500:1010]]))
        assert client.code == Code.ENHANCE_YOUR_CALM
        assert app.running == 0
