"""What `esg.testing` serves in its tests, of no framework: greets, echoes, streams without an end, and fails."""

import asyncio
from collections.abc import AsyncIterator

from esg_core.asgi import Receive, Scope, Send


async def endless() -> AsyncIterator[str]:
    """Events without an end, and no look at the client."""
    while True:
        yield "data: event\n\n"
        await asyncio.sleep(0.05)


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Greets with what the lifespan has left in the state, echoes messages, and fails when it is asked to."""
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    elif scope["type"] == "websocket":
        await echo(scope, receive, send)
    elif scope["path"].startswith("/fail"):
        raise LookupError(scope["path"])
    elif scope["path"] == "/events":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async for event in endless():
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": scope["state"]["greeting"]})


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    scope["state"]["greeting"] = b"hello"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    if scope["path"] == "/fail":
        raise LookupError(scope["path"])
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"].upper()})
