"""The plain ASGI applications that every server runs: as little code as an answer needs.

Servers are started without the lifespan protocol where it can be switched off. `FIXED` has the answers of the floor,
which runs no application.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HELLO = b"Hello, World!"
BIG = b"x" * 10240
HUGE = b"x" * 2**20
POSTED = b"x" * 10239 + b"!"  # what scripts/post.lua sends; its last byte is nowhere else in a request
PART = b"y" * 64
PARTS = 20

FIXED = {
    "benchmarks.apps:hello": (HELLO, b"\n"),
    "benchmarks.apps:big": (BIG, b"\n"),
    "benchmarks.apps:echo": (POSTED, b"!"),
}
"""Import string of an application -> the body it answers with, and the byte that its requests end with."""


def _start(size: int) -> Message:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % size)]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _only_http(scope: Message) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])


async def hello(scope: Message, _receive: Receive, send: Send) -> None:
    """Answer with 13 bytes."""
    _only_http(scope)
    await send(_start(len(HELLO)))
    await send({"type": "http.response.body", "body": HELLO})


async def big(scope: Message, _receive: Receive, send: Send) -> None:
    """Answer with 10 KiB."""
    _only_http(scope)
    await send(_start(len(BIG)))
    await send({"type": "http.response.body", "body": BIG})


async def huge(scope: Message, _receive: Receive, send: Send) -> None:
    """Answer with 1 MiB."""
    _only_http(scope)
    await send(_start(len(HUGE)))
    await send({"type": "http.response.body", "body": HUGE})


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Answer with the request's body, once all of it has arrived."""
    _only_http(scope)
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(parts)
    await send(_start(len(body)))
    await send({"type": "http.response.body", "body": body})


async def stream(scope: Message, _receive: Receive, send: Send) -> None:
    """Answer in `PARTS` parts, without announcing their total."""
    _only_http(scope)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for _ in range(PARTS):
        await send({"type": "http.response.body", "body": PART, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def websocket_echo(scope: Message, receive: Receive, send: Send) -> None:
    """Send each text message of a WebSocket back; requests are answered with 13 bytes."""
    if scope["type"] != "websocket":
        await hello(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


_listeners: set[Send] = set()


async def websocket_broadcast(scope: Message, receive: Receive, send: Send) -> None:
    """Send each text message of a WebSocket to all WebSockets; requests are answered with 13 bytes."""
    if scope["type"] != "websocket":
        await hello(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    _listeners.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            said = {"type": "websocket.send", "text": message["text"]}
            for listener in list(_listeners):
                await listener(said)
    finally:
        _listeners.discard(send)
