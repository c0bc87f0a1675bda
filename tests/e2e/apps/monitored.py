"""An application whose clients choose how long a response takes, and its status; every 25th of one path is slow."""

import asyncio
import itertools
from urllib.parse import parse_qs

from esg_core.asgi import Receive, Scope, Send

SLOW_EVERY = 25
SLOW = 0.3
"""Seconds that each request for `/mixed` takes whose number in its process is a multiple of `SLOW_EVERY`."""

NUMBERS = itertools.count(1)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        return
    assert scope["type"] == "http"
    asked = parse_qs(scope["query_string"].decode("latin-1"))
    seconds = float(asked.get("seconds", ["0"])[0])
    if scope["path"] == "/mixed" and next(NUMBERS) % SLOW_EVERY == 0:
        seconds = SLOW
    if seconds:
        await asyncio.sleep(seconds)
    status = int(asked.get("status", ["200"])[0])
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})
