"""WebSocket over an HTTP/2 stream (RFC 8441): no key, no upgrade, no socket; the frames are the same."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import esg_ws.entry_points
from esg_core.asgi import Headers, Receive, Scope, Send
from esg_core.context import Context
from esg_core.testing import MemoryTransport
from esg_core.waiting import WriteGate
from esg_http.call.cycle import Cycle
from tests.support.ws.frames import CLOSE, PING, TEXT, close, deflated, frame, read_frames, text
from tests.support.ws.memory import CODECS, Conversation, Recorder, WebSocketServer, accepting

codecs = pytest.mark.parametrize("codec", CODECS)

VERSION = (b"sec-websocket-version", b"13")
OFFER = (b"sec-websocket-extensions", b"permessage-deflate; client_max_window_bits")


class StreamOfHTTP2:
    """As much of a `Stream` as an upgrade uses: what it answers, and the transport it hands over."""

    def __init__(self, context: Context) -> None:
        self.gate = WriteGate(context.loop)
        self.is_head = False
        self._context = context
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.transport: MemoryTransport | None = None

    def prepare(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> tuple[Any, int, int]:
        return dict(headers), -1, 0

    def respond(self, status: int, prepared: tuple[Any, int, int], body: bytes, end: bool) -> None:
        self.status, self.headers, self.body = status, prepared[0], body

    def send(self, body: bytes, end: bool) -> None:
        self.body += body

    def finished(self) -> None:
        """The response has ended."""

    def switch(self, protocol: asyncio.Protocol, headers: Headers) -> None:
        self.status, self.headers = 200, dict(headers)
        self.transport = MemoryTransport(protocol, self._context.loop, peername=None, sockname=None)
        self.transport.open()


class Asked:
    """A server with a request for a WebSocket on an HTTP/2 stream."""

    def __init__(self, server: WebSocketServer, *fields: tuple[bytes, bytes], method: str = "CONNECT") -> None:
        self._server = server
        self.stream = StreamOfHTTP2(server.context)
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "2",
            "method": method,
            "scheme": "https",
            "path": "/chat",
            "client": ("192.0.2.7", 4000),
            "headers": list(fields),
            "extensions": {"http.response.trailers": {}, "tls": {"tls_version": 0x0304}},
        }
        cycle = Cycle(server.context, self.stream, scope, b"/chat")  # type: ignore[arg-type]  # the part that is used
        scope["extensions"]["esg.switch"] = cycle.switch
        server.context.start(cycle, getattr(esg_ws.entry_points, server.codec)(server.context))
        server.loop.settle()
        if self.stream.transport is not None:
            server.transports.append(self.stream.transport)

    @property
    def transport(self) -> MemoryTransport:
        assert self.stream.transport is not None
        return self.stream.transport

    def say(self, *segments: bytes) -> None:
        for segment in segments:
            self.transport.feed(segment)
        self._server.loop.settle()

    @property
    def frames(self) -> list[Any]:
        return list(read_frames(bytes(self.transport.written)))


@codecs
def test_s5_the_handshake_of_rfc_8441(codec: str) -> None:
    """Section 5: the answer has neither a proof nor connection fields; else the application sees no difference."""
    app = Recorder(accept={"subprotocol": "b", "headers": [(b"x-own", b"1"), (b"Upgrade", b"websocket")]})
    with WebSocketServer(app, codec) as server:
        asked = Asked(server, VERSION, (b"sec-websocket-protocol", b"a, b"), OFFER)
        assert asked.stream.status == 200
        assert set(asked.stream.headers) == {b"sec-websocket-protocol", b"sec-websocket-extensions", b"x-own"}
        asked.say(text("hello"), text("x" * 100_000), frame(PING, b"?"))
        assert [sent.opcode for sent in asked.frames][1:] == [TEXT, 0xA]
        asked.say(close(1000, b"bye"))
        assert asked.transport.closed
    assert app.received == ["hello", "x" * 100_000]
    assert app.ends == [(1000, "bye")]
    (scope,) = app.scopes
    assert (scope["type"], scope["http_version"], scope["scheme"]) == ("websocket", "2", "wss")
    assert scope["subprotocols"] == ["a", "b"]
    assert set(scope["extensions"]) == {"tls", "websocket.http.response"}
    assert "method" not in scope


@codecs
def test_s5_a_key_means_nothing(codec: str) -> None:
    """RFC 8441 section 5: a key is ignored, whatever it is."""
    app = Recorder()
    with WebSocketServer(app, codec) as server:
        asked = Asked(server, VERSION, (b"sec-websocket-key", b"?"))
        assert (asked.stream.status, asked.stream.headers) == (200, {})


@codecs
def test_s3_compression(codec: str) -> None:
    app = Recorder()
    with WebSocketServer(app, codec) as server:
        asked = Asked(server, VERSION, OFFER)
        asked.say(frame(TEXT, deflated(b"squeezed"), rsv=4))
    assert app.received == ["squeezed"]


@pytest.mark.parametrize(
    ("status", "method", "fields", "answer"),
    [
        (405, "GET", [VERSION], {b"allow": b"CONNECT"}),
        (426, "CONNECT", [], {b"sec-websocket-version": b"13"}),
        (426, "CONNECT", [(b"sec-websocket-version", b"8")], {b"sec-websocket-version": b"13"}),
        (400, "CONNECT", [VERSION, (b"sec-websocket-extensions", b"=")], {}),
        (400, "CONNECT", [VERSION, (b"sec-websocket-protocol", b"a b")], {}),
    ],
)
def test_s5_what_is_no_handshake(
    status: int, method: str, fields: list[tuple[bytes, bytes]], answer: dict[bytes, bytes]
) -> None:
    """RFC 9113 section 8.2.2: HTTP/2 has no connection fields such as `upgrade`, not even in a refusal."""
    app = Recorder()
    with WebSocketServer(app) as server:
        asked = Asked(server, *fields, method=method)
        assert asked.stream.status == status
        rest = {name: value for name, value in asked.stream.headers.items() if not name.startswith(b"content-")}
        assert rest == answer
        assert len(server.log.texts(logging.WARNING)) == 1
    assert app.scopes == []


def test_s2_a_close_before_the_accept_is_a_403() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.close"})

    with WebSocketServer(app) as server:
        assert Asked(server, VERSION).stream.status == 403


async def wait(receive: Receive, send: Send) -> None:
    assert (await receive())["code"] == 1006


async def flood(receive: Receive, send: Send) -> None:
    await receive()
    while True:
        await send({"type": "websocket.send", "bytes": bytes(100_000)})


@codecs
@pytest.mark.parametrize(
    ("conversation", "end"),
    [(wait, lambda transport: transport.feed_eof()), (wait, lambda transport: transport.reset())],
    ids=["end of stream", "reset"],
)
def test_s4_a_stream_that_ends_without_a_close(
    codec: str, conversation: Conversation, end: Callable[[MemoryTransport], None]
) -> None:
    with WebSocketServer(accepting(conversation), codec) as server:
        asked = Asked(server, VERSION)
        end(asked.transport)
        server.loop.settle()
        assert not server.context.cycles
        assert asked.transport.closed


@codecs
def test_s3_a_bad_frame_ends_the_stream_after_the_close(codec: str) -> None:
    with WebSocketServer(Recorder(), codec) as server:
        asked = Asked(server, VERSION)
        asked.say(frame(3))
        assert [(sent.opcode, sent.code) for sent in asked.frames] == [(CLOSE, 1002)]
        assert asked.transport.eof_written
        asked.transport.feed_eof()
        server.loop.settle()
        assert asked.transport.closed


@codecs
def test_s3_a_client_that_reads_nothing_loses_its_stream(codec: str) -> None:
    """No socket says what the client has acknowledged: the stream's own count has to do (timeout-write)."""
    with WebSocketServer(accepting(flood), codec, timeout_write=10, ws_ping_interval=0) as server:
        asked = Asked(server, VERSION)
        asked.transport.stall()
        asked.say(text("go"))
        for _ in range(4):
            server.loop.advance(8)
            asked.transport.read(3000)
        assert not asked.transport.closed
        server.loop.advance(21)
        assert asked.transport.aborted


def test_s4_a_drain_closes_with_1012() -> None:
    with WebSocketServer(Recorder()) as server:
        asked = Asked(server, VERSION)
        server.context.drain()
        server.loop.settle()
        assert [(sent.opcode, sent.code) for sent in asked.frames] == [(CLOSE, 1012)]
        asked.say(close(1012))
        assert not server.context.connections
