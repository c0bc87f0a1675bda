"""An application that counts what WebSockets receive, but only once it is told to, and watches its loop."""

import asyncio
import time

from esg_core.asgi import Receive, Scope, Send

PAUSE = 0.001
"""Seconds between two looks at the clock."""


class Watch:
    """The most CPU time that the loop's thread took between two looks: the time that other clients wait."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.thread_time()

    def look(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        asyncio.get_running_loop().call_later(PAUSE, self.look)

    def reset(self) -> None:
        self._last = time.thread_time()
        self.longest = 0.0


watch = Watch()
go = asyncio.Event()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        if scope["path"] == "/go":
            go.set()
        body = b"%d" % (1e6 * watch.longest)
        watch.reset()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await go.wait()
        await count(receive, send)


async def lifespan(receive: Receive, send: Send) -> None:
    for event in ("startup", "shutdown"):
        await receive()
        if event == "startup":
            watch.look()
        await send({"type": f"lifespan.{event}.complete"})


async def count(receive: Receive, send: Send) -> None:
    """Answers each message with its size."""
    while (message := await receive())["type"] == "websocket.receive":
        content = message.get("text", message.get("bytes"))
        await send({"type": "websocket.send", "text": str(len(content))})
