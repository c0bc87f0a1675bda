"""Streams of Litestar, with a background task each; `/events` are Litestar's own event streams."""

from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar, WebSocket, get, websocket
from litestar.background_tasks import BackgroundTask
from litestar.response import ServerSentEvent, Stream

from tests.e2e.apps.leaving.sockets import Socket, talk
from tests.e2e.apps.leaving.streams import before, say, stream


async def tell(name: str) -> None:
    say(name, "background")


@get("/{phase:str}/{name:str}")
async def streams(phase: str, name: str) -> Stream:
    await before(phase, name)
    return Stream(stream(phase, name), background=BackgroundTask(tell, name))


async def texts(phase: str, name: str) -> AsyncIterator[str]:
    async for part in stream(phase, name):
        yield part.decode()


@get("/events/{phase:str}/{name:str}")
async def events(phase: str, name: str) -> ServerSentEvent:
    await before(phase, name)
    return ServerSentEvent(texts(phase, name), background=BackgroundTask(tell, name))


@websocket("/{phase:str}/{name:str}")
async def sockets(socket: WebSocket[Any, Any, Any], phase: str, name: str) -> None:
    await talk(Socket(socket.accept, socket.receive_text, socket.send_text), phase, name)


app = Litestar([streams, events, sockets])
