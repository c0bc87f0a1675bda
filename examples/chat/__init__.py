"""A chat room for everyone who opens the page: one ASGI application and one HTML page, nothing else.

Run it with:  esg examples.chat:app
Try it with:  two windows of a browser on http://127.0.0.1:8000/
"""

import json
from pathlib import Path

from esg_core.asgi import Receive, Scope, Send

PAGE = (Path(__file__).parent / "page.html").read_bytes()

LONGEST = 500
"""Characters of a message."""


class Room:
    """The names of the guests, by the functions that send to them."""

    def __init__(self) -> None:
        self._guests: dict[Send, str] = {}

    async def enter(self, name: str, send: Send) -> None:
        """Let a guest in, and tell everyone."""
        self._guests[send] = name
        await self._tell(f"{name} has joined", kind="news")

    async def leave(self, send: Send) -> None:
        """Let a guest out, and tell those who stay."""
        name = self._guests.pop(send, None)
        if name is not None:
            await self._tell(f"{name} has left", kind="news")

    async def say(self, text: str, send: Send) -> None:
        """Tell everyone what a guest says."""
        await self._tell(f"{self._guests[send]}: {text}", kind="word")

    async def _tell(self, text: str, kind: str) -> None:
        message = {"type": "websocket.send", "text": json.dumps({"kind": kind, "text": text})}
        for send in list(self._guests):
            try:
                await send(message)
            except OSError:  # the guest is on the way out
                self._guests.pop(send, None)


room = Room()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The page over HTTP, the chat over WebSocket."""
    if scope["type"] == "websocket":
        await chat(scope, receive, send)
    elif scope["type"] == "http":
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(PAGE))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})


async def chat(scope: Scope, receive: Receive, send: Send) -> None:
    """One guest, from joining to leaving; the path has the name: /ws/Ada."""
    await receive()
    name = scope["path"].rpartition("/")[2] or "somebody"
    await send({"type": "websocket.accept"})
    await room.enter(name, send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            await room.say(message.get("text", "")[:LONGEST], send)
    finally:
        await room.leave(send)
