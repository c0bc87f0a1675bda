"""The application under test: it echoes WebSocket messages and bodies, and greets a request that has no body."""

from benchmarks.apps import HELLO, Message, Receive, Send


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Echo."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    content = body or HELLO
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(content))]})
    await send({"type": "http.response.body", "body": content})
