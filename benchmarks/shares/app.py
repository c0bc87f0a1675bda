"""The application that all servers run: it says which process answers, at once or after a while."""

import asyncio
import os
import time

from benchmarks.apps import HELLO, Message, Receive, Send


async def app(scope: Message, _receive: Receive, send: Send) -> None:
    """Answer with the process ID, except for `/`; `/block/S` keeps the event loop for S seconds, `/wait/S` does not."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    _, what, seconds = (scope["path"] + "//").split("/")[:3]
    if what == "block":
        time.sleep(float(seconds))  # noqa: ASYNC251 - that is what this is about
    elif what == "wait":
        await asyncio.sleep(float(seconds))
    body = b"%d" % os.getpid() if what else HELLO
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
