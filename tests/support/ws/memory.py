"""WebSocket without sockets: ESG's HTTP and WebSocket with a transport in memory and a clock that the test moves."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import esg_ws.entry_points
from esg_core.asgi import Application, Message, Receive, Scope, Send
from esg_core.testing import MemoryTransport
from tests.support.http.memory import MemoryServer
from tests.support.installed import PARSER
from tests.support.ws.frames import CLOSE, Frame, read_frames

CODECS = ("websockets", "wsproto")

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
REQUEST = (
    b"GET /chat?room=1 HTTP/1.1\r\nHost: t\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n"
)
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

Conversation = Callable[[Receive, Send], Awaitable[None]]
"""What an application does after it has accepted."""


class WebSocketServer(MemoryServer):
    """A `MemoryServer` that serves WebSocket with one of the codecs."""

    def __init__(self, app: Application, codec: str = "websockets", parser: str = PARSER, **options: Any) -> None:
        super().__init__(app, parser, **options)
        self.codec = codec

    def __enter__(self) -> Self:
        super().__enter__()
        self.context.upgrades = {b"websocket": getattr(esg_ws.entry_points, self.codec)(self.context)}
        return self

    def ask(self, request: bytes = REQUEST, rest: bytes = b"", **how: Any) -> "Client":
        """A connection on which `request` has been sent; without the empty line at its end."""
        client = Client(self, self.connect(**how))
        client.say(request + b"\r\n" + rest)
        return client

    def open(self, *fields: bytes, **how: Any) -> "Client":
        """A connection that has completed the handshake."""
        client = self.ask(REQUEST + b"".join(fields), **how)
        assert client.head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n"), client.head
        return client


class Client:
    """The client's side of one connection."""

    def __init__(self, server: WebSocketServer, transport: MemoryTransport) -> None:
        self.server = server
        self.transport = transport

    @property
    def head(self) -> bytes:
        """The head of the response."""
        return bytes(self.transport.written).partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        """What follows the head."""
        return bytes(self.transport.written).partition(b"\r\n\r\n")[2]

    @property
    def frames(self) -> list[Frame]:
        """All frames of the server."""
        return list(read_frames(self.body))

    @property
    def payloads(self) -> list[bytes]:
        """The payloads of all data frames."""
        return [frame.payload for frame in self.frames if frame.opcode < CLOSE]

    @property
    def code(self) -> int | None:
        """The code with which the server has closed; None if it has not."""
        return next((frame.code for frame in self.frames if frame.opcode == CLOSE), None)

    @property
    def ended(self) -> bool:
        """Whether the server has begun to end the connection."""
        return self.transport.is_closing() or self.transport.eof_written

    def say(self, *data: bytes) -> None:
        """Send each of these as a separate segment, and let the server work until nothing more happens."""
        for segment in data:
            self.transport.feed(segment)
        self.server.loop.settle()

    def hang_up(self) -> None:
        """Close the sending side."""
        self.transport.feed_eof()
        self.server.loop.settle()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.server.loop.advance(seconds)


@dataclass
class Recorder:
    """An application that accepts, and sends each message back (`echo`), until the client is gone."""

    echo: bool = True
    accept: dict[str, Any] = field(default_factory=dict)
    scopes: list[Scope] = field(default_factory=list)
    received: list[str | bytes] = field(default_factory=list)
    disconnects: list[Message] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await plain(scope, receive, send)
            return
        self.scopes.append(scope)
        assert await receive() == {"type": "websocket.connect"}
        await send({"type": "websocket.accept", **self.accept})
        while (message := await receive())["type"] == "websocket.receive":
            content = message.get("text", message.get("bytes"))
            assert content is not None
            self.received.append(content)
            if self.echo:
                await send({**message, "type": "websocket.send"})
        self.disconnects.append(message)

    @property
    def ends(self) -> list[tuple[int, str]]:
        """Code and reason of each disconnect."""
        return [(message["code"], message["reason"]) for message in self.disconnects]


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers in HTTP."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"plain"})


def accepting(conversation: Conversation) -> Application:
    """An application that accepts, and then does this."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await conversation(receive, send)

    return app


def exchange(codec: str, segments: Iterable[bytes], *fields: bytes, **options: Any) -> tuple[Recorder, Client]:
    """Send segments to an echo, wait until nothing more happens, and return the application and the client."""
    app = Recorder()
    with WebSocketServer(app, codec, **options) as server:
        client = server.open(*fields)
        client.say(*segments)
        return app, client
