"""The streams of Starlette, and at `/left` what is left of all requests in the process."""

import asyncio
import gc
import json
from collections import Counter

from esg_core.asgi import Receive, Scope, Send
from tests.e2e.apps.leaving.starlette_app import app as streams

OURS = ("Cycle", "H1Connection", "H2Connection", "RequestStream", "Connection", "Unheard")


def left() -> dict[str, int]:
    gc.collect()
    counted = Counter(type(thing).__name__ for thing in gc.get_objects())
    return {
        "tasks": len(asyncio.all_tasks()),
        "generators": counted["async_generator"],
        **{name: counted[name] for name in OURS},
    }


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope.get("path") != "/left":
        await streams(scope, receive, send)
        return
    body = json.dumps(left()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
