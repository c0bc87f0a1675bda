"""An application that answers in every way, and reports what its process still holds."""

import asyncio
import json
import os

from benchmarks.held import held
from esg_core.asgi import Receive, Scope, Send

START = {"type": "http.response.start", "status": 200}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (kind := (await receive())["type"]) != "lifespan.shutdown":
            await send({"type": f"{kind}.complete"})
        await send({"type": f"{kind}.complete"})
    elif scope["type"] == "websocket":
        await echo_messages(receive, send)
    elif scope["path"] == "/state":
        await answer(send, json.dumps(held()).encode())
    elif scope["path"] == "/fail":
        raise RuntimeError("the application has failed")
    elif scope["path"] == "/stream":
        await stream(send)
    elif scope["path"] == "/file":
        await send({**START, "headers": []})
        await send({"type": "http.response.pathsend", "path": __file__})
    elif scope["path"] == "/large":
        size = os.stat("large").st_size  # noqa: PTH116 - a file that the test has just written
        await send({**START, "headers": [(b"content-length", b"%d" % size)]})
        await send({"type": "http.response.pathsend", "path": "large"})
    else:
        await answer(send, await body_of(receive))


async def body_of(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


async def answer(send: Send, body: bytes) -> None:
    await send({**START, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def stream(send: Send) -> None:
    """Parts with turns of the loop between them."""
    await send({**START, "headers": []})
    for number in range(8):
        await send({"type": "http.response.body", "body": b"part %d," % number, "more_body": True})
        await asyncio.sleep(0.001)
    await send({"type": "http.response.body", "body": b"end"})


async def echo_messages(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        await send({"type": "websocket.send", "text": text, "bytes": None if text is not None else message["bytes"]})
