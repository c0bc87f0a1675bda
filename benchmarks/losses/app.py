"""The application that is served: each answer names its request and its process."""

import asyncio
import os
from typing import Any

SLOW = 0.02
"""Seconds that one of the paths takes, so that requests are running at any moment."""


async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer with the query and the process ID."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW)
    body = b"%s %d" % (scope["query_string"], os.getpid())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
