"""The application that all servers run: it reads everything, and keeps nothing."""

from benchmarks.apps import Message, Receive, Send

ANSWER = b"served"


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Read a request to its end and answer; accept a WebSocket and read all its messages."""
    if scope["type"] == "websocket":
        await _listen(receive, send)
    elif scope["type"] == "http":
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


async def _listen(receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass
