"""Streams of applications without a framework, in every style; `/{style}/{phase}/{name}`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from esg_core.asgi import Receive, Scope, Send
from tests.e2e.apps.leaving.sockets import Socket, talk
from tests.e2e.apps.leaving.streams import before, say, stream


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await sockets(scope, receive, send)
        return
    assert scope["type"] == "http"
    style, phase, name = scope["path"].strip("/").split("/")
    await before(phase, name)
    try:
        async with aclosing(stream(phase, name)) as parts:
            await STYLES[style](parts, receive, send)
    finally:
        say(name, "returned")


async def sends(parts: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Only ever sends."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


async def listens(parts: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Stops sending when it gets the disconnect."""
    sending = asyncio.ensure_future(sends(parts, receive, send))

    async def listen() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    listening = asyncio.ensure_future(listen())
    await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
    for task in (sending, listening):
        task.cancel()
    await asyncio.wait((sending, listening))


async def deaf_to_errors(parts: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Goes on sending, whatever error that raises."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    async for part in parts:
        try:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        except Exception:  # noqa: BLE001 - this is what some applications do
            continue


async def deaf_to_cancellation(parts: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Goes on sending when it is cancelled."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    async for part in parts:
        try:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        except asyncio.CancelledError:
            continue


async def sockets(scope: Scope, receive: Receive, send: Send) -> None:
    style, phase, name = scope["path"].strip("/").split("/")

    async def accept() -> None:
        await receive()
        await send({"type": "websocket.accept"})

    async def receive_one() -> None:
        if (await receive())["type"] == "websocket.disconnect":
            raise asyncio.CancelledError  # as a consumer of Django Channels ends

    async def send_text(text: str) -> None:
        try:
            await send({"type": "websocket.send", "text": text})
        except Exception:
            if style != "deaf-to-errors":
                raise

    await talk(Socket(accept, receive_one, send_text), phase, name)


STYLES = {
    "sends": sends,
    "listens": listens,
    "deaf-to-errors": deaf_to_errors,
    "deaf-to-cancellation": deaf_to_cancellation,
}
