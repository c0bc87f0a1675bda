"""Streams of FastAPI, with a background task and a dependency each; `/events` is FastAPI's own event stream."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from tests.e2e.apps.leaving.sockets import Socket, talk
from tests.e2e.apps.leaving.streams import before, say, stream

app = FastAPI()


async def opened(name: str) -> AsyncIterator[None]:
    try:
        yield
    finally:
        say(name, "closed")


Opened = Annotated[None, Depends(opened)]


@app.get("/events/{phase}/{name}", response_class=EventSourceResponse)
async def events(phase: str, name: str, tasks: BackgroundTasks, _: Opened) -> AsyncIterator[ServerSentEvent]:
    tasks.add_task(say, name, "background")
    await before(phase, name)
    async for part in stream(phase, name):
        yield ServerSentEvent(raw_data=part.decode())


@app.get("/{phase}/{name}")
async def streams(phase: str, name: str, tasks: BackgroundTasks, _: Opened) -> StreamingResponse:
    tasks.add_task(say, name, "background")
    await before(phase, name)
    return StreamingResponse(stream(phase, name))


@app.websocket("/{phase}/{name}")
async def sockets(websocket: WebSocket, phase: str, name: str, _: Opened) -> None:
    await talk(Socket(websocket.accept, websocket.receive_text, websocket.send_text), phase, name)
