"""The application: answers that clients can check, and a report of what its process still holds."""

import asyncio
import contextlib
import hashlib
import json
import os

from benchmarks.held import held
from esg_core.asgi import Receive, Scope, Send

EVENTS = 20
EVENT_INTERVAL = 0.05


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer by path."""
    if scope["type"] == "lifespan":
        while (kind := (await receive())["type"]) != "lifespan.shutdown":
            await send({"type": f"{kind}.complete"})
        await send({"type": f"{kind}.complete"})
    elif scope["type"] == "websocket":
        await _echo(receive, send)
    elif scope["path"] == "/events":
        await _events(scope, send)
    elif scope["path"] == "/file":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.pathsend", "path": __file__})
    elif scope["path"] == "/state":
        await _answer(send, json.dumps({"pid": os.getpid(), **held()}).encode())
    else:
        await _answer(send, await _digest(receive))


async def _digest(receive: Receive) -> bytes:
    digest = hashlib.sha256()
    while True:
        message = await receive()
        digest.update(message.get("body", b""))
        if not message.get("more_body", False):
            return digest.hexdigest().encode()


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _events(scope: Scope, send: Send) -> None:
    """Events for a second, or until the server stops."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    stopping = asyncio.ensure_future(scope["extensions"]["esg.shutdown"]["wait"]())
    try:
        for number in range(EVENTS):
            await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
            await asyncio.wait({stopping}, timeout=EVENT_INTERVAL)
            if stopping.done():
                break
        await send({"type": "http.response.body", "body": b"data: end\n\n"})
    finally:
        stopping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stopping


async def _echo(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    with contextlib.suppress(OSError):
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
