"""An application that causes something to be logged."""

import logging
import time
from typing import Any

from esg_core.asgi import Receive, Scope, Send

START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer by the path: a greeting, an exception, a blocked event loop, or a stream until the client has gone."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["path"] == "/fail":
        raise RuntimeError("the application has failed")
    elif scope["path"] == "/block":
        print("the loop is blocked", flush=True)
        time.sleep(60)  # noqa: ASYNC251 - that is the point
    elif scope["path"] == "/stream":
        await stream(receive, send)
    else:
        print("printed by the application")
        await send(START)
        await send({"type": "http.response.body", "body": b"hello"})


async def stream(receive: Receive, send: Send) -> None:
    """Send a first part, then wait until the client has gone."""
    await send(START)
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


async def lifespan(receive: Receive, send: Send) -> None:
    """Do nothing at start-up and shutdown."""
    while (kind := (await receive())["type"]) != "lifespan.shutdown":
        await send({"type": f"{kind}.complete"})
    await send({"type": f"{kind}.complete"})


async def filtering_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Like `app`, but its start-up keeps requests to /health out of the access log."""
    if scope["type"] == "lifespan":
        logging.getLogger("esg.access").addFilter(lambda record: "/health" not in record.getMessage())
    await app(scope, receive, send)
