"""The application that is served: each answer tells what was asked and which process answers."""

import asyncio
import os
from typing import Any

SLOW = 0.02
"""Seconds that one of the paths takes, so that requests run at any moment."""


async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer with the query and the number of the process."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW)
    body = b"%s %d" % (scope["query_string"], os.getpid())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
