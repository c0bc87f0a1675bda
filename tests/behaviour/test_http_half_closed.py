"""Clients that close their sending side after a request: served if they still read, noticed if they have gone (H-9).

Both send the same bytes, so that only time tells them apart: applications of frameworks listen for the disconnect
all the while, and end when they get it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from esg_core.asgi import Application, Receive, Scope, Send
from esg_core.deadlines import TICK
from esg_core.testing import MemoryTransport
from esg_http.settings import LOOK
from tests.http.corpus.case import get
from tests.http.misbehaviour.case import body, start
from tests.support.behaviour.kinds import hello
from tests.support.http.asking import answers, ended
from tests.support.http.client import read_responses
from tests.support.http.memory import MemoryServer
from tests.support.http2 import wire

SOON = LOOK + TICK + 0.01
"""Seconds within which a client that has gone is noticed."""

VERSIONS = ("1.1", "2")
each_version = pytest.mark.parametrize("version", VERSIONS)

LARGE = 300_000


def half_closed(server: MemoryServer, version: str, *, reads: bool = True) -> MemoryTransport:
    """A client that has sent a request, and sends no more."""
    transport = server.connect()
    if not reads:
        transport.stall()
    if version == "1.1":
        transport.feed(get())
    else:
        window = wire.settings((wire.Setting.INITIAL_WINDOW_SIZE, LARGE * 2)) + wire.window(0, LARGE * 2)
        transport.feed(wire.PREFACE + window + wire.SETTINGS_ACK + wire.headers())
    server.loop.settle()
    transport.feed_eof()
    server.loop.settle()
    return transport


def whole_body(transport: MemoryTransport, version: str) -> bytes | None:
    """The body of the response, None if it is not complete."""
    data = transport.read()
    if version == "1.1":
        responses = read_responses(data, iter(()))
        return responses[0].body if responses else None
    frames = [*wire.read(data)]
    if not any(frame.stream == 1 and frame.ends and frame.kind != wire.Kind.RST_STREAM for frame in frames):
        return None
    return b"".join([frame.payload for frame in frames if frame.kind == wire.Kind.DATA])


class Listening:
    """Runs an application as frameworks do: until it is done or the client has disconnected."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.told: list[float] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            if not sending.done():
                self.told.append(loop.time() - began)

        sending, listening = asyncio.ensure_future(self._app(scope, receive, send)), asyncio.ensure_future(listen())
        await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
        for task in (sending, listening):
            task.cancel()
        await asyncio.wait((sending, listening))


def parts(count: int, gap: float, before: float = 0.0) -> Application:
    """That many parts of one byte, each followed by a gap in seconds, with a pause before the first."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(before)
        await send(start())
        for _ in range(count):
            await send(body(b"x", more_body=True))
            await asyncio.sleep(gap)
        await send(body())

    return app


@each_version
@pytest.mark.parametrize("app", [hello, parts(20, 0.4), parts(1, 0, before=0.4)], ids=["at-once", "parts", "soon"])
def test_a_response_that_comes_is_whole(app: Application, version: str) -> None:
    """H-9: whether or not the application listens."""
    app = Listening(app)
    with MemoryServer(app) as server:
        transport = half_closed(server, version)
        server.loop.advance(20)
        assert whole_body(transport, version) in (b"hello", b"x" * 20, b"x")
        assert transport.closed
    assert app.told == []
    assert server.log.trouble == []


@each_version
def test_a_late_response_is_whole_if_its_application_does_not_listen(version: str) -> None:
    """H-9: for `send()`, the client has not gone."""
    with MemoryServer(parts(3, 5, before=5)) as server:
        transport = half_closed(server, version)
        server.loop.advance(30)
        assert whole_body(transport, version) == b"xxx"


IDLE = {"before-its-start": parts(1, 0, before=1000), "in-its-body": parts(2, 1000)}


@each_version
@pytest.mark.parametrize("kind", IDLE)
def test_who_listens_while_nothing_comes_is_told(kind: str, version: str) -> None:
    """H-9: the client has gone, as far as can be known; the response is cut, and nothing is logged."""
    app = Listening(IDLE[kind])
    with MemoryServer(app) as server:
        transport = half_closed(server, version)
        server.loop.advance(3)
        assert whole_body_or_cut(transport, version) is None
        assert ended(transport)
        assert not server.context.connections
    assert [LOOK <= seconds <= SOON for seconds in app.told] == [True]
    assert server.log.trouble == []


def whole_body_or_cut(transport: MemoryTransport, version: str) -> bytes | None:
    try:
        return whole_body(transport, version)
    except AssertionError:  # cut within its body
        return None


@each_version
def test_who_listens_is_told_once_nothing_comes_any_more(version: str) -> None:
    """H-9: however long parts have been coming."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for _ in range(20):
            await send(body(b"x", more_body=True))
            await asyncio.sleep(0.4)
        await asyncio.sleep(1000)

    listening = Listening(app)
    with MemoryServer(listening) as server:
        half_closed(server, version)
        server.loop.advance(20)
        assert not server.context.cycles
    assert [8 < seconds < 8 + 2 * SOON for seconds in listening.told] == [True]


def in_large_parts() -> Application:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for _ in range(3):
            await send(body(b"x" * (LARGE // 3), more_body=True))
        await send(body())

    return app


def a_file(path: Path) -> Application:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send({"type": "http.response.pathsend", "path": str(path)})

    return app


@each_version
@pytest.mark.parametrize("make", [lambda _: in_large_parts(), a_file], ids=["parts", "file"])
def test_a_response_that_waits_for_its_reader_is_whole(
    make: Callable[[Path], Application], version: str, tmp_path: Path
) -> None:
    """H-9, H-7: data on its way to a slow client arrives."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * LARGE)
    app = Listening(make(path))
    with MemoryServer(app) as server:
        transport = half_closed(server, version, reads=False)
        server.loop.advance(10)
        assert app.told == []
        received = b""
        while not transport.closed:
            received += transport.read(40_000)
            server.loop.advance(2)
            assert server.loop.time() < 1100
        assert received.count(b"x") == LARGE
    assert app.told == []


@each_version
def test_a_reader_that_never_reads_is_given_up(version: str) -> None:
    """H-17: by timeout-write."""
    app = Listening(in_large_parts())
    with MemoryServer(app, timeout_write=10) as server:
        half_closed(server, version, reads=False)
        server.loop.advance(9)
        assert app.told == []
        server.loop.advance(5)
        assert not server.context.cycles
    assert any("timeout-write" in text for text in server.log.texts(30))


def test_pipelined_requests_are_all_answered() -> None:
    """H-9, H-6: one after another, each with its own time."""
    app = Listening(parts(2, 0.4))
    with MemoryServer(app) as server:
        transport = server.connect()
        transport.feed(get() * 3)
        transport.feed_eof()
        server.loop.advance(10)
        assert [response.body for response in answers(transport)] == [b"xx"] * 3
    assert app.told == []
