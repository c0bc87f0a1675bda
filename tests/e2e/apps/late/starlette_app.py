"""Late handlers with Starlette: `app`, and `behind` a middleware of its own kind."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.e2e.apps.late.working import say, work

RELEASED = threading.Event()
"""Set by `/release`: what cannot be cancelled may end."""

PAUSE = 3.0
"""Seconds; longer than a response may take to begin."""


async def slow(request: Request) -> Response:
    await work("slow")
    return PlainTextResponse("late")


async def catches(request: Request) -> Response:
    try:
        await work("catches")
    except asyncio.CancelledError:
        return PlainTextResponse("half of it")
    return PlainTextResponse("late")


async def deaf(request: Request) -> Response:
    while not RELEASED.is_set():
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            say("deaf: ignored")
    say("deaf: done")
    return PlainTextResponse("late")


def in_thread(request: Request) -> Response:
    say("thread: began")
    RELEASED.wait(60)
    RELEASED.clear()
    say("thread: done")
    return PlainTextResponse("late")


async def release(request: Request) -> Response:
    RELEASED.set()
    return PlainTextResponse("released")


async def streams(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        await asyncio.sleep(PAUSE)
        yield b"first"
        await asyncio.sleep(PAUSE)
        yield b"last"

    return StreamingResponse(parts())


async def rests(request: Request) -> Response:
    async def rest() -> None:
        await asyncio.sleep(PAUSE)
        say("background: done")

    return PlainTextResponse("soon", background=BackgroundTask(rest))


async def socket(websocket: WebSocket) -> None:
    """Accepts, and then works without listening."""
    await websocket.accept()
    await websocket.send_text("hello")
    await work("socket")


async def late_socket(websocket: WebSocket) -> None:
    """Accepts too late."""
    await work("late socket")


async def passes_on(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    return await call_next(request)


ROUTES = [
    *(Route(f"/{handler.__name__}", handler) for handler in (slow, catches, deaf, in_thread, release, streams, rests)),
    WebSocketRoute("/socket", socket),
    WebSocketRoute("/late_socket", late_socket),
]

app = Starlette(routes=ROUTES)
behind = Starlette(routes=ROUTES, middleware=[Middleware(BaseHTTPMiddleware, dispatch=passes_on)])
