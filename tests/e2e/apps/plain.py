"""A plain ASGI application whose behaviour depends on the path."""

import asyncio
import json

from esg_core.asgi import Receive, Scope, Send

PART = b"x" * 65536


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] in ("http", "websocket")
    await ROUTES[scope["path"]](scope, receive, send)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await answer(send, b"Hello, world!")


async def who(scope: Scope, receive: Receive, send: Send) -> None:
    """Report the request and the client, as the scope has them."""
    facts = {name: scope[name] for name in ("client", "server", "scheme", "path", "http_version")}
    await answer(send, json.dumps(facts).encode())


async def talk(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the client's address to a WebSocket, then echo."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
    await send({"type": "websocket.send", "text": json.dumps([*scope["client"], scope["scheme"]])})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
    print(f"talk: ended with {message['code']}", flush=True)


async def size(scope: Scope, receive: Receive, send: Send) -> None:
    """Report how many bytes the request's body has."""
    total, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            print("size: disconnected", flush=True)
            return
        total += len(message.get("body", b""))
        more = message.get("more_body", False)
    await answer(send, str(total).encode())


async def delayed(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer after a moment, in two parts."""
    await asyncio.sleep(0.3)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first ", "more_body": True})
    await asyncio.sleep(0.3)
    await send({"type": "http.response.body", "body": b"second"})


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    """Send until the client is gone."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while True:
            await send({"type": "http.response.body", "body": PART, "more_body": True})
    except OSError as error:
        print(f"endless: {type(error).__name__}", flush=True)


async def until_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait for the client to leave."""
    print("until-disconnect: waiting", flush=True)
    while (await receive())["type"] != "http.disconnect":
        pass
    print("until-disconnect: noticed", flush=True)


async def answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


ROUTES = {
    "/": hello,
    "/who": who,
    "/size": size,
    "/talk": talk,
    "/delayed": delayed,
    "/endless": endless,
    "/until-disconnect": until_disconnect,
}
