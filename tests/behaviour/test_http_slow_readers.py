"""Clients that do not read, or read slowly (rules H-7, H-17; timeout-write), and deadlines over real sockets."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.testing import MemoryTransport
from esg_core.unheard import GRACE
from tests.http.corpus.case import get, head, post
from tests.http.misbehaviour.case import body, start
from tests.support.behaviour.kinds import hello, reads
from tests.support.behaviour.pace import large
from tests.support.http.asking import answers, ended
from tests.support.http.memory import MemoryServer
from tests.support.http.sockets import LOOPS_AND_WIRES, SocketServer, Wiring

MEBIBYTE = 1024 * 1024
EARLY, LATE = 0.1, 15.0
"""Seconds by which a deadline may be off on a busy machine."""

each_path = pytest.mark.parametrize("wiring", LOOPS_AND_WIRES, ids=str)


class Streamer:
    """Sends parts forever, and notes how many were taken and what ended it."""

    def __init__(self) -> None:
        self.sent = 0
        self.ended_by: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            while True:
                await send(body(b"x" * 40_000, more_body=True))
                self.sent += 1
        except OSError as error:
            self.ended_by = error


def stalled(server: MemoryServer, data: bytes = get()) -> MemoryTransport:
    """A connection whose client has sent a request and does not read the response."""
    transport = server.connect()
    transport.stall()
    transport.feed(data)
    server.loop.settle()
    return transport


REQUESTS = {
    "kept": get(),
    "closed": get(b"Connection: close"),
    "1.0": head(b"GET / HTTP/1.0"),
    "unread": post(b"Content-Length: 5"),
}


@pytest.mark.parametrize("data", REQUESTS.values(), ids=REQUESTS)
def test_a_client_that_never_reads_is_aborted(data: bytes) -> None:
    """H-17, timeout-write: while the application streams; it gets an `OSError`, and the log says why."""
    app = Streamer()
    with MemoryServer(app, timeout_write=10) as server:
        transport = stalled(server, data)
        server.loop.advance(9.9)
        assert not transport.aborted
        assert app.sent <= 2
        server.loop.advance(0.7)
        assert transport.aborted
        server.loop.advance(2 * GRACE)
        assert isinstance(app.ended_by, OSError)
        assert not server.context.connections
    assert any("does not read" in text and "timeout-write" in text for text in server.log.texts(30))


@pytest.mark.parametrize("data", REQUESTS.values(), ids=REQUESTS)
def test_a_client_that_never_reads_a_response_that_is_complete(data: bytes) -> None:
    """H-17, timeout-write: only the connection waits for it."""
    with MemoryServer(large(MEBIBYTE), timeout_write=10, timeout_keep_alive=3) as server:
        transport = stalled(server, data)
        assert not server.context.cycles
        server.loop.advance(9.9)
        assert not transport.closed
        server.loop.advance(0.7)
        assert transport.aborted
        assert transport.closed


def test_a_client_that_stops_reading_is_aborted_in_time() -> None:
    """H-17, timeout-write: data that it or its kernel took in before gives it at most a quarter more time."""
    with MemoryServer(large(MEBIBYTE), timeout_write=10) as server:
        transport = stalled(server)
        server.loop.advance(1)
        transport.read(200_000)
        server.loop.advance(9.9)
        assert not transport.aborted
        server.loop.advance(2.5)
        assert transport.aborted


@pytest.mark.parametrize("data", REQUESTS.values(), ids=REQUESTS)
def test_a_small_response_that_is_never_read(data: bytes) -> None:
    """H-17, H-20: data below the high-water mark must not stay forever either."""
    with MemoryServer(large(1000), timeout_write=10, timeout_keep_alive=3, timeout_request=3) as server:
        transport = stalled(server, data)
        server.loop.advance(3 + 10 + 1.5)
        assert transport.closed


@pytest.mark.parametrize("data", REQUESTS.values(), ids=REQUESTS)
def test_a_client_that_reads_slowly_gets_everything(data: bytes) -> None:
    """H-17, timeout-write: each byte that it reads renews its time, even after the application has ended."""
    with MemoryServer(large(400_000), timeout_write=10, timeout_keep_alive=3, timeout_request=30) as server:
        transport = stalled(server, data)
        seconds, total = 0, len(transport.written)
        while transport.get_write_buffer_size():
            server.loop.advance(9)
            assert not transport.closed, f"cut after {seconds} seconds"
            transport.read(20_000)
            seconds += 9
        assert seconds > 150
        server.loop.advance(20)
        assert len(transport.written) == total
        assert not transport.aborted
    assert not any("does not read" in text for text in server.log.texts(30))


@pytest.mark.parametrize("data", REQUESTS.values(), ids=REQUESTS)
def test_a_byte_now_and_then_keeps_no_response_alive(data: bytes) -> None:
    """H-17, timeout-write-rate: fewer than that many bytes a second, averaged over timeout-write."""
    with MemoryServer(large(400_000), timeout_write=10, timeout_write_rate=100, timeout_keep_alive=3) as server:
        transport = stalled(server, data)
        for _ in range(9):
            server.loop.advance(1)
            transport.read(1)
        assert not transport.aborted
        server.loop.advance(1.5)
        assert transport.aborted
    assert any("does not read" in text and "timeout-write" in text for text in server.log.texts(30))


def test_the_connection_of_a_slow_reader_is_kept() -> None:
    """H-17: timeout-keep-alive begins when the client has its response."""
    with MemoryServer(large(400_000), timeout_write=10, timeout_keep_alive=3) as server:
        transport = stalled(server)
        server.loop.advance(9)
        transport.read(390_000)
        server.loop.advance(2.5)
        assert not ended(transport)
        transport.read()
        transport.feed(get())
        server.loop.settle()
        assert answers(transport)[0].status == 200
        server.loop.advance(4)
        assert ended(transport)


def test_a_stream_that_is_read_has_no_deadline() -> None:
    """H-17."""
    app = Streamer()
    with MemoryServer(
        app, timeout_write=2, timeout_keep_alive=2, timeout_request=2, timeout_request_headers=2
    ) as server:
        transport = stalled(server)
        for number in range(100):
            server.loop.advance(1.9)
            transport.read(70_000)
            assert app.sent > number
        assert not transport.closed


def test_another_protocol_has_none_of_the_deadlines_of_http() -> None:
    """H-17."""

    async def switch(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"].pop("esg.switch")(asyncio.Protocol(), [(b"upgrade", b"shout")])

    deadlines = ("timeout_write", "timeout_keep_alive", "timeout_request", "timeout_request_headers")
    options: dict[str, Any] = dict.fromkeys(deadlines, 2)
    with MemoryServer(hello, **options) as server:
        server.context.upgrades = {b"shout": switch}
        transport = server.connect()
        transport.feed(get(b"Connection: upgrade", b"Upgrade: shout"))
        server.loop.advance(100)
        assert transport.read().startswith(b"HTTP/1.1 101 ")
        assert not transport.is_closing()


def test_no_deadline_for_the_reader() -> None:
    """H-17: 0 switches it off."""
    app = Streamer()
    with MemoryServer(app, timeout_write=0) as server:
        transport = stalled(server)
        server.loop.advance(50_000)
        assert not transport.closed
        before = app.sent
        transport.read(len(transport.written) - 1)
        server.loop.settle()
        assert app.sent > before


@each_path
def test_a_client_that_never_reads_over_a_socket(wiring: Wiring) -> None:
    """H-17, timeout-write: with the kernel's buffers in between; a client that reads slowly is left alone."""
    app, over = Streamer(), threading.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        over.set()

    with SocketServer(stream, wiring, timeout_write=1) as server, server.connect(receive_buffer=8192) as client:
        client.send(get())
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            client.socket.recv(50_000)
            time.sleep(0.02)
        assert app.ended_by is None
        began = time.monotonic()
        assert over.wait(30)
        assert 1 - EARLY <= time.monotonic() - began <= 1 + 0.25 + LATE
        server.wait_idle()
        if wiring.wire != "unix":  # otherwise the kernel would go on offering the rest
            with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):
                client.rest()


@each_path
@pytest.mark.parametrize("data", [get(), get(b"Connection: close")], ids=["kept", "closed"])
def test_a_slow_client_gets_a_large_response_that_was_sent_at_once(data: bytes, wiring: Wiring) -> None:
    """H-17: however much of it waits in which buffer, and however early the application was done."""
    size = 12 * MEBIBYTE
    server = SocketServer(large(size), wiring, timeout_write=1, timeout_keep_alive=1)
    with server, server.connect(receive_buffer=8192) as client:
        client.send(data)
        began, got = time.monotonic(), 0
        while got < size:
            part = client.socket.recv(16384 if time.monotonic() - began < 2.5 else MEBIBYTE)
            assert part, f"cut after {got} bytes"
            got += len(part)
            if time.monotonic() - began < 2.5:
                time.sleep(0.02)
    assert not any("does not read" in text for text in server.log.texts(30))


Case = tuple[bytes, dict[str, Any], bytes]

CASES: dict[str, Case] = {
    "nothing": (b"", {"timeout_request_headers": 0.5}, b""),
    "head": (b"GET / HT", {"timeout_request_headers": 0.5}, b"HTTP/1.1 408 "),
    "body": (post(b"Content-Length: 5", body=b"he"), {"timeout_request": 0.5}, b"HTTP/1.1 408 "),
    "idle": (get(), {"timeout_keep_alive": 0.5}, b"HTTP/1.1 200 "),
    "later-head": (get() + b"GET", {"timeout_request_headers": 0.5}, b"HTTP/1.1 200 "),
}


@each_path
@pytest.mark.parametrize("name", CASES)
def test_deadlines_over_a_socket(name: str, wiring: Wiring) -> None:
    """H-17: in real time, over TLS as well."""
    data, options, expected = CASES[name]
    with SocketServer(reads if name == "body" else hello, wiring, **options) as server, server.connect() as client:
        began = time.monotonic()
        written = client.send(data).rest()
        assert written.startswith(expected)
        assert written.count(b"HTTP/1.1 408 ") == (name in ("head", "body", "later-head"))
        assert 0.5 - EARLY <= time.monotonic() - began <= 0.5 + LATE


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_dripping_over_a_socket(loop: str) -> None:
    """H-17."""
    with SocketServer(hello, Wiring(loop=loop), timeout_request_headers=1) as server, server.connect() as client:
        began = time.monotonic()
        drip(lambda: client.send(b"a"), 0.1)
        assert 1 - EARLY <= time.monotonic() - began <= 1 + LATE + 1
        server.wait_idle()


def drip(send: Callable[[], object], every: float) -> None:
    """Repeat an action until the server has closed the connection."""
    end = time.monotonic() + 10
    with suppress(OSError, ssl.SSLError):
        while time.monotonic() < end:
            send()
            time.sleep(every)
