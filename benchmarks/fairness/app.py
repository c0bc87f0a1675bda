"""The application that all servers run: it reads everything and keeps nothing, unless the path asks for otherwise."""

import asyncio

from benchmarks.apps import Message, Receive, Send

ANSWER = b"served"

UNREAD = "/unread"
"""What is sent there is not read for some seconds."""

LARGE = "/large"
"""The response there has 16 MiB."""


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Read a request to its end and answer; accept a WebSocket and read all its messages."""
    if scope["type"] == "websocket":
        await _listen(receive, send)
    elif scope["type"] == "http" and scope["path"] == LARGE:
        await _send_large(send)
    elif scope["type"] == "http":
        if scope["path"] == UNREAD:
            await asyncio.sleep(5)
        await _answer(receive, send)
    else:
        raise NotImplementedError(scope["type"])


async def _answer(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass
    if message["type"] == "http.request":
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(ANSWER))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})


async def _send_large(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for number in range(256):
        await send({"type": "http.response.body", "body": bytes(65536), "more_body": number < 255})


async def _listen(receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass
