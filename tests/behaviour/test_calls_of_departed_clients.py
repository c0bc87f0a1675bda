"""Calls whose client has left: cancelled after a while, if that is asked for (rule H-25)."""

import asyncio
import logging
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from esg_core.asgi import Application, Receive, Scope, Send
from esg_core.deadlines import TICK
from esg_http.call.cycle import Cycle
from esg_http.settings import LOOK
from tests.http.corpus.case import get, post
from tests.http.misbehaviour.case import body, start
from tests.support.behaviour.kinds import hello
from tests.support.http.asking import answers
from tests.support.http.memory import MemoryServer
from tests.support.http.sockets import LOOPS_AND_WIRES, PATIENCE, SocketServer, Wiring
from tests.support.http2 import wire
from tests.support.http2.raw import Raw
from tests.support.installed import PARSER, PARSERS
from tests.support.ws import frames
from tests.support.ws.memory import CODECS, WebSocketServer

GRACE = 3.0

each_parser = pytest.mark.parametrize("parser", PARSERS)
each_version = pytest.mark.parametrize("version", [*PARSERS, "2"])


class Working:
    """An application that works for some seconds, never listens, and notes how each call ended, and after how long."""

    def __init__(self, seconds: float = 100) -> None:
        self._seconds = seconds
        self.ends: list[tuple[str, float]] = []
        self.told: list[object] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        began, end = loop.time(), "done"
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError as error:
            end = "cancelled"
            self.told += error.args
            raise
        finally:
            self.ends.append((end, loop.time() - began))
        await hello(scope, receive, send)


def ask(server: MemoryServer, version: str, request: bytes = get()) -> Raw:
    return Raw(server, wire.OPENING + wire.headers() if version == "2" else request)


def serving(app: Application, version: str, grace: float | None = GRACE) -> MemoryServer:
    return MemoryServer(app, PARSER if version == "2" else version, timeout_disconnected=grace)


@each_version
def test_a_call_goes_on_for_its_grace(version: str) -> None:
    """H-25: and is then cancelled; only the log for debugging says so."""
    app = Working()
    with serving(app, version) as server:
        client, other = ask(server, version), ask(server, version)
        server.loop.advance(1)
        client.transport.reset()
        server.loop.advance(GRACE - 0.01)
        assert app.ends == []
        server.loop.advance(TICK + 0.02)
        [(end, seconds)] = app.ends
        assert end == "cancelled"
        assert app.told == ["the client has left (timeout-disconnected)"]
        assert 1 + GRACE <= seconds <= 1 + GRACE + TICK + 0.01
        assert server.log.trouble == []
        server.loop.advance(100)
        assert other.transport.written
    assert [end for end, _ in app.ends] == ["cancelled", "done"]


@each_version
def test_a_call_that_ends_in_its_grace_is_not_cancelled(version: str) -> None:
    """H-25: nor is anything kept of it."""
    app = Working(GRACE - 1)
    with serving(app, version) as server:
        ask(server, version).transport.reset()
        server.loop.advance(GRACE - 0.5)
        deadlines = server.context.call_deadlines
        assert deadlines is not None
        assert deadlines._leaving == {}
        server.loop.advance(1)
    assert [end for end, _ in app.ends] == ["done"]


@pytest.mark.parametrize(("options", "awaited"), [({"timeout_response": 60.0}, 1), ({}, 0)])
def test_while_no_call_waits_for_its_response_nothing_looks(options: dict[str, Any], awaited: int) -> None:
    """H-24, H-25: the next call begins it, and it waits for that once, however many clients leave meanwhile."""
    with MemoryServer(Working(1), timeout_disconnected=GRACE, **options) as server:
        for _ in range(3):
            ask(server, PARSERS[0]).transport.reset()
            server.loop.advance(GRACE + 1)
        assert len(server.context._on_next_start) == awaited


@each_version
def test_no_grace_is_at_once(version: str) -> None:
    """H-25: 0 does not mean off."""
    app = Working()
    with serving(app, version, 0) as server:
        client = ask(server, version)
        server.loop.advance(1)
        client.transport.reset()
        server.loop.advance(TICK)
        assert [end for end, _ in app.ends] == ["cancelled"]


@each_version
def test_a_call_is_cancelled_once(version: str) -> None:
    """H-25: what it does then is its own business."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(10 * GRACE)
                seen.append("done")
            except asyncio.CancelledError:
                seen.append("cancelled")

    with serving(app, version) as server:
        ask(server, version).transport.reset()
        server.loop.advance(20 * GRACE)
    assert seen == ["cancelled", "done"]


@each_version
def test_a_client_leaves_once(version: str) -> None:
    """H-25: its call has no more time for being told so again."""
    app = Working()
    with serving(app, version) as server:
        ask(server, version).transport.reset()
        server.loop.advance(0)
        [call] = server.context.cycles
        assert isinstance(call, Cycle)
        server.loop.advance(GRACE - 1)
        call.disconnect()
        server.loop.advance(1 + TICK)
        assert [end for end, _ in app.ends] == ["cancelled"]


@each_version
def test_by_default_a_call_runs_to_its_end(version: str) -> None:
    """H-25: whatever its client does."""
    app = Working()
    with serving(app, version, None) as server:
        ask(server, version).transport.reset()
        server.loop.advance(101)
    assert [end for end, _ in app.ends] == ["done"]


def test_a_cancelled_stream_has_left() -> None:
    """H-25: RST_STREAM is enough; other streams of the connection go on."""
    app = Working()
    with serving(app, "2") as server:
        client = Raw(server, wire.OPENING + wire.headers(1) + wire.headers(3))
        client.send(wire.reset(1))
        server.loop.advance(101)
        assert [frame.payload for frame in client.frames() if frame.kind == wire.Kind.DATA] == [b"hello"]
    assert [end for end, _ in app.ends] == ["cancelled", "done"]


@each_parser
def test_a_client_that_leaves_within_its_request(parser: str) -> None:
    """H-25: here by closing its side."""
    app = Working()
    with serving(app, parser, 0) as server:
        client = ask(server, parser, post(b"Content-Length: 5", body=b"h"))
        client.transport.feed_eof()
        server.loop.advance(TICK)
    assert [end for end, _ in app.ends] == ["cancelled"]


async def rests(scope: Scope, receive: Receive, send: Send) -> None:
    """Has work after its response."""
    await hello(scope, receive, send)
    await asyncio.sleep(100)
    raise RuntimeError("it was not cancelled")


@each_version
def test_work_after_a_whole_response_is_left_alone(version: str) -> None:
    """H-25: its client has what it came for."""
    with serving(rests, version, 0) as server:
        ask(server, version).transport.reset()
        server.loop.advance(101)
        assert len(server.log.texts(logging.ERROR)) == 1


@each_version
def test_a_half_closed_client_has_not_left(version: str) -> None:
    """H-25, H-9: it is sent something that one that has gone would answer with a reset, and gets its response."""
    with serving(Working(20), version, 0) as server:
        client = ask(server, version)
        client.transport.feed_eof()
        server.loop.advance(21)
        if version == "2":
            got = client.frames()
            assert [frame.kind for frame in got].count(wire.Kind.PING) == 1
            assert [frame.payload for frame in got if frame.kind == wire.Kind.DATA] == [b"hello"]
        else:
            assert [response.status for response in answers(client.transport)] == [100, 200]


@each_version
def test_without_the_option_silent_clients_are_not_asked(version: str) -> None:
    """H-25, H-9: not a byte more than before."""
    with serving(Working(20), version, None) as server:
        client = ask(server, version)
        client.transport.feed_eof()
        server.loop.advance(21)
        if version == "2":
            assert wire.Kind.PING not in [frame.kind for frame in client.frames()]
        else:
            assert [response.status for response in answers(client.transport)] == [200]


async def chats(scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts, and never receives again."""
    await send({"type": "websocket.accept"})
    try:
        await asyncio.sleep(100)
    except asyncio.CancelledError:
        scope["state"]["ends"].append("cancelled")
        raise
    scope["state"]["ends"].append("done")


async def closes(scope: Scope, receive: Receive, send: Send) -> None:
    """Has work after it has closed the WebSocket."""
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})
    await asyncio.sleep(50)
    scope["state"]["ends"].append("done")


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("way", ["close", "reset"])
def test_websocket(codec: str, way: str) -> None:
    """H-25: whether the client says goodbye or not, but not if the application has closed it."""
    for app, end in ((chats, "cancelled"), (closes, "done")):
        ends: list[str] = []
        with WebSocketServer(app, codec, timeout_disconnected=GRACE) as server:
            server.context.state["ends"] = ends
            client = server.open()
            if way == "close":
                client.say(frames.close())
            else:
                client.transport.reset()
            server.loop.advance(GRACE - 0.01)
            assert ends == []
            server.loop.advance(60)
            assert ends == [end]
            assert server.log.texts(logging.ERROR) == []


@pytest.mark.parametrize("codec", CODECS)
def test_websocket_before_its_accept(codec: str) -> None:
    """H-25: a handshake is a request like any other."""
    app = Working()
    with WebSocketServer(app, codec, timeout_disconnected=0) as server:
        client = server.ask()
        server.loop.advance(1)
        client.transport.reset()
        server.loop.advance(TICK)
    assert [end for end, _ in app.ends] == ["cancelled"]


@dataclass
class Told:
    """An application over sockets: says when it has begun, and when it is cancelled."""

    begun: threading.Event
    cancelled: threading.Event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun.set()
        try:
            await asyncio.sleep(4 * PATIENCE)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers when a half-closed client has been looked at several times."""
    await asyncio.sleep(4 * LOOK)
    await send(start())
    await send(body(b"x"))


REQUESTS = {"1.1": get(), "2": wire.OPENING + wire.headers()}


@pytest.mark.parametrize("version", REQUESTS)
@pytest.mark.parametrize("wiring", [*LOOPS_AND_WIRES, Wiring("h11")], ids=str)
def test_a_client_that_closes_its_socket_has_left(wiring: Wiring, version: str) -> None:
    """H-25: although its end looks like that of a half-closed one, over TCP, UNIX sockets and TLS."""
    app = Told(threading.Event(), threading.Event())
    with SocketServer(app, wiring, timeout_disconnected=0) as server:
        protocols = ("h2",) if version == "2" else ()
        with server.connect(protocols=protocols) as client:
            client.send(REQUESTS[version])
            assert app.begun.wait(PATIENCE)
        assert app.cancelled.wait(PATIENCE)
        server.wait_idle()


@pytest.mark.parametrize("wiring", [*LOOPS_AND_WIRES, Wiring("h11")], ids=str)
def test_a_half_closed_client_over_a_socket_has_not_left(wiring: Wiring) -> None:
    """H-25, H-9: over TCP, UNIX sockets and TLS; its end looks like that of one that has gone."""
    with SocketServer(slow, wiring, timeout_disconnected=0) as server:
        with server.connect() as client:
            assert client.send(get()).half_close().response().status == 100
            response = client.response()
            assert (response.status, response.body) == (200, b"x")
        server.wait_idle()
