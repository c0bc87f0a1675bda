"""A WebSocket among its server's requests: admission, limits, statistics, and what it costs to keep (A-1, A-7)."""

import asyncio
import gc
from typing import Any

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.lifecycle.stats import stats
from tests.support.ws.frames import close, text
from tests.support.ws.memory import CODECS, OFFER, REQUEST, Client, Recorder, WebSocketServer, plain

codecs = pytest.mark.parametrize("codec", CODECS)
GET = b"GET / HTTP/1.1\r\nHost: t\r\n"
REFUSED = b"HTTP/1.1 503 "


async def hesitant(scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts, denies, raises or returns a second after the request, depending on the path; `/` is plain HTTP."""
    if scope["type"] == "http":
        await plain(scope, receive, send)
        return
    await receive()
    await asyncio.sleep(1)
    if scope["path"] == "/raises":
        raise ValueError("on purpose")
    if scope["path"] == "/returns":
        return
    await send({"type": "websocket.close" if scope["path"] == "/denies" else "websocket.accept"})
    while (await receive())["type"] == "websocket.receive":
        pass


def is_served(server: WebSocketServer) -> bool:
    return server.ask(GET).head.startswith(b"HTTP/1.1 200 ")


@pytest.mark.everywhere
@codecs
def test_a1_a_websocket_gives_its_slot_back_on_accept(codec: str) -> None:
    """Until then it is a request like any other."""
    with WebSocketServer(hesitant, codec, limit_concurrent_requests=1) as server:
        first = server.ask()
        assert server.ask().head.startswith(REFUSED)
        assert not is_served(server)
        first.wait(1.1)
        assert first.head.startswith(b"HTTP/1.1 101 ")
        assert is_served(server)
        second = server.ask()
        second.wait(1.1)
        assert second.head.startswith(b"HTTP/1.1 101 ")
        assert server.context.admission is not None
        assert server.context.admission.in_flight == 0
        assert len(server.context.cycles) == 2


@codecs
@pytest.mark.parametrize("path", [b"/denies", b"/raises", b"/returns"])
def test_a2_so_does_one_that_comes_to_nothing(codec: str, path: bytes) -> None:
    with WebSocketServer(hesitant, codec, limit_concurrent_requests=1) as server:
        server.ask(REQUEST.replace(b"/chat?room=1", path))
        assert not is_served(server)
        server.loop.advance(1.1)
        assert is_served(server)


@codecs
def test_a2_so_does_one_whose_client_goes_before_the_accept(codec: str) -> None:
    with WebSocketServer(hesitant, codec, limit_concurrent_requests=1) as server:
        client = server.ask()
        client.transport.reset()
        server.loop.advance(1.1)
        assert is_served(server)


@codecs
def test_a1_what_is_no_handshake_takes_no_slot_for_long(codec: str) -> None:
    with WebSocketServer(hesitant, codec, limit_concurrent_requests=1) as server:
        for _ in range(3):
            assert server.ask(REQUEST.replace(b"Version: 13", b"Version: 8")).head.startswith(b"HTTP/1.1 426 ")
        assert is_served(server)


@codecs
def test_h18_a_websocket_is_one_of_so_many_connections(codec: str) -> None:
    with WebSocketServer(Recorder(), codec, limit_concurrency=2) as server:
        clients = [server.open(), server.open()]
        refused = server.ask()
        assert refused.head.startswith(REFUSED)
        refused.hang_up()
        clients[0].say(close())
        assert is_served(server)


@codecs
def test_a7_websockets_are_counted(codec: str) -> None:
    with WebSocketServer(Recorder(), codec) as server:
        clients = [server.open() for _ in range(3)]
        server.connect()
        figures = stats(server.context)
        assert (figures["connections"], figures["websockets"]) == (4, 3)
        clients[0].say(close())
        clients[1].transport.reset()
        server.loop.settle()
        assert stats(server.context)["websockets"] == 1


# What an idle one costs.

MOST_BYTES = 6 * 1024
"""More than a plain connection (S-3)."""


def timers(server: WebSocketServer) -> int:
    """What the loop has scheduled."""
    return len([timer for timer in vars(server.loop)["_scheduled"] if not timer.cancelled()])


@codecs
def test_l5_idle_websockets_have_no_timers_of_their_own(codec: str) -> None:
    """One timer for all, whatever they wait for, and one task each, the application's."""
    with WebSocketServer(Recorder(), codec, date_header=False) as server:
        for _ in range(50):
            server.open(OFFER).say(text("hello"))
        assert timers(server) == 1
        assert len(asyncio.all_tasks(server.loop)) == 50


def memory_of(server: WebSocketServer, *requests: bytes) -> float:
    """Bytes of a connection on which this was sent, after others have been opened before."""

    import tracemalloc

    def use() -> Client:
        client = server.ask(requests[0], requests[1] if len(requests) > 1 else b"")
        client.transport.written.clear()
        client.transport.writes.clear()
        return client

    for _ in range(10):
        use()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(100):
        use()
    gc.collect()
    return (tracemalloc.get_traced_memory()[0] - before) / 100


@pytest.mark.needs("_tracemalloc")
@pytest.mark.parametrize("fields", [b"", OFFER], ids=["", "compression"])
@codecs
def test_s3_an_idle_websocket_takes_little_more_than_a_plain_connection(codec: str, fields: bytes) -> None:
    """After a short message, which needs neither a codec nor a compressor."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await plain(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": "hello"})

    options: dict[str, Any] = {"ws_ping_interval": 0, "timeout_keep_alive": 1000}
    with WebSocketServer(app, codec, **options) as server:
        import tracemalloc

        tracemalloc.start()
        plain_bytes = memory_of(server, GET)
        bytes_each = memory_of(server, REQUEST + fields, text("hello"))
        tracemalloc.stop()
    assert bytes_each - plain_bytes < MOST_BYTES
