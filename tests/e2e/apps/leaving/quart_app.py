"""Streams of Quart."""

from collections.abc import AsyncIterator

from quart import Quart, request, websocket

from tests.e2e.apps.leaving.sockets import Socket, talk
from tests.e2e.apps.leaving.streams import before, say, stream

app = Quart(__name__)


@app.teardown_request
async def teardown(_: BaseException | None) -> None:
    say(request.path.rpartition("/")[2], "torn down")


@app.get("/<phase>/<name>")
async def streams(phase: str, name: str) -> AsyncIterator[bytes]:
    await before(phase, name)
    return stream(phase, name)


@app.websocket("/<phase>/<name>")
async def sockets(phase: str, name: str) -> None:
    await talk(Socket(websocket.accept, websocket.receive, websocket.send), phase, name)
