"""The application of each host: every answer names its request, and the host that gave it."""

import asyncio
import os
import time
from typing import Any

SLOW = 0.3
"""Seconds that one of the paths waits, so that requests are running at any moment."""

BUSY = 0.02
"""Seconds for which one of the paths keeps the loop: what overloads a host."""

HOST = os.environ.get("FLEET_HOST", "").encode()
"""The host, and how often it has been started: `2.1`."""


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with the query and the host; echo messages of a WebSocket."""
    if scope["type"] == "websocket":
        await _echo(receive, send)
    elif scope["type"] == "http":
        await _answer(scope, receive, send)
    else:
        raise NotImplementedError(scope["type"])


async def _answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
    size, more = 0, scope["method"] == "POST"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW)
    elif scope["path"] == "/busy":
        _keep_busy()
    body = b"%s %s %d" % (scope["query_string"] or b"-", HOST, size)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def _keep_busy() -> None:
    until = time.thread_time() + BUSY
    while time.thread_time() < until:
        pass


async def _echo(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": f"{message.get('text')} {HOST.decode()}"})
