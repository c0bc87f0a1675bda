"""The application that the WebSocket tests serve: what it does depends on the path."""

import asyncio
import hashlib

from esg_core.asgi import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"plain"})
    elif scope["type"] == "websocket":
        await PATHS[scope["path"]](scope, receive, send)


async def accept(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends each message back; reports on standard output how it ended."""
    await accept(scope, receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
    print(f"ended with {message['code']} {message['reason']!r}", flush=True)


async def scheme(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(scope, receive, send)
    await send({"type": "websocket.send", "text": f"{scope['scheme']} {'tls' in scope['extensions']}"})


async def digest(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers each message with its length and digest, taking its time."""
    await accept(scope, receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        data = message["bytes"]
        await asyncio.sleep(0.01)
        await send({"type": "websocket.send", "text": f"{len(data)} {hashlib.sha256(data).hexdigest()}"})


async def flood(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends forever to a client that does not read; reports on standard output how it ended and how much was sent."""
    await accept(scope, receive, send)
    sent = 0
    try:
        while True:
            await send({"type": "websocket.send", "bytes": bytes(100_000)})
            sent += 100_000
    except OSError:
        print(f"flooded with {sent}", flush=True)


async def closes(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(scope, receive, send)
    await send({"type": "websocket.close", "code": 4000, "reason": "full"})


async def raises(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(scope, receive, send)
    raise ValueError("broken")


async def returns(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(scope, receive, send)


async def denies(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close"})


async def stays(scope: Scope, receive: Receive, send: Send) -> None:
    """Goes on forever after the client has gone."""
    await accept(scope, receive, send)
    await asyncio.get_running_loop().create_future()


PATHS = {
    f"/{function.__name__}": function
    for function in (echo, scheme, digest, flood, closes, raises, returns, denies, stays)
}
