"""Server-sent events that end by themselves when the server stops: the time of day, once a second.

Run it with:  esg examples.streaming:app
Try it with:  curl --no-buffer http://127.0.0.1:8000/   (then stop the server: the stream says goodbye)

An endless response would hold up a stopping server until its time is over. ESG tells the application in time: the
extension `esg.shutdown` has a coroutine function `wait`, which returns when the server begins to drain. Under a server
without the extension the stream simply goes on.
"""

import asyncio
import time
from collections.abc import AsyncIterator

from esg_core.asgi import Receive, Scope, Send


async def events(stopping: asyncio.Future[None]) -> AsyncIterator[str]:
    """One event a second, and a last one when `stopping` is done."""
    while not stopping.done():
        yield f"event: time\ndata: {time.strftime('%H:%M:%S')}\n\n"
        await asyncio.wait([stopping], timeout=1.0)
    yield "event: goodbye\ndata: the server is stopping, please come back\n\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream events; when the client has gone, `send()` raises an OSError after a second, which ends the stream too."""
    assert scope["type"] == "http"
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    stopping = asyncio.ensure_future(shutdown_of(scope))
    try:
        async for event in events(stopping):
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        await send({"type": "http.response.body"})
    finally:
        stopping.cancel()


async def shutdown_of(scope: Scope) -> None:
    """Return when the server that made `scope` begins to stop; never, if the server does not say so."""
    extension = scope.get("extensions", {}).get("esg.shutdown")
    await (extension["wait"]() if extension else asyncio.get_running_loop().create_future())
