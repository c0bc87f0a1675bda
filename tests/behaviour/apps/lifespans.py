"""Applications with an unusual lifespan; requests get a friendly answer."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from esg_core.asgi import Application, Receive, Scope, Send
from tests.behaviour.apps.lifecycle import respond, say, stubborn

Lifespan = Callable[[Scope, Receive, Send], Awaitable[None]]


def served(lifespan: Lifespan) -> Application:
    """The application that has this lifespan."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(scope, receive, send)
        else:
            await respond(send)

    return app


async def start(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})


@served
async def slow_startup(scope: Scope, receive: Receive, send: Send) -> None:
    """Starts up only when the file `$GATE` appears."""
    await receive()
    say("starting")
    try:
        while not Path(os.environ["GATE"]).exists():  # noqa: ASYNC240, ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        say("startup cancelled")
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()


@served
async def blocked_startup(scope: Scope, receive: Receive, send: Send) -> None:
    say("starting")
    time.sleep(60)  # noqa: ASYNC251 - that is what it is for


@served
async def broken_startup(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise ZeroDivisionError("no database")


@served
async def failed_startup(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


@served
async def no_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"


@served
async def endless_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    await start(receive, send)
    await receive()
    say("shutting down")
    await asyncio.sleep(60)


@served
async def failed_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    await start(receive, send)
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "the queue is not empty"})


@served
async def late_task(scope: Scope, receive: Receive, send: Send) -> None:
    """Leaves a task behind that refuses to be cancelled."""
    scope["state"]["task"] = asyncio.create_task(stubborn(scope, send, {}))
    await start(receive, send)
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
