"""An application that is copied, changed and reloaded: it answers with its version, and can be slow in any way."""

import asyncio
import os
import time
from typing import Any

VERSION = "one"

STARTUP = 0.0
"""Seconds that the start-up takes."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await socket(receive, send)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await ROUTES[scope["path"]](send)


async def lifespan(receive: Any, send: Any) -> None:
    await receive()
    await asyncio.sleep(STARTUP)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("application shut down", flush=True)
    await send({"type": "lifespan.shutdown.complete"})


async def version(send: Any) -> None:
    await send({"type": "http.response.body", "body": VERSION.encode()})


async def process(send: Any) -> None:
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})


async def events(send: Any) -> None:
    """A stream of events that never ends by itself."""
    while True:
        await send({"type": "http.response.body", "body": b"event,", "more_body": True})
        await asyncio.sleep(0.05)


async def socket(receive: Any, send: Any) -> None:
    """A WebSocket that stays open until its client has gone."""
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def block(send: Any) -> None:
    print("blocking", flush=True)
    while True:
        time.sleep(60)  # noqa: ASYNC251 - that is what it is for


async def busy(send: Any) -> None:
    """A request that takes less time than it is given."""
    print("busy", flush=True)
    await asyncio.sleep(0.5)
    await version(send)


ROUTES = {"/": version, "/block": block, "/events": events, "/process": process, "/busy": busy}
