"""An application that reports its progress on standard output, and does everything that a shutdown can face."""

import asyncio
import threading
import time
from typing import Any
from urllib.parse import parse_qs

from esg_core.asgi import Application, Receive, Scope, Send


def say(text: str) -> None:
    print(text, flush=True)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    else:
        await ROUTES[scope["path"]](scope, send, query(scope))


async def lifespan(receive: Receive, send: Send) -> None:
    await receive()
    say("startup")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    say("shutdown")
    await send({"type": "lifespan.shutdown.complete"})


def query(scope: Scope) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}


async def respond(send: Send, body: bytes = b"hello") -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def hello(scope: Scope, send: Send, _: dict[str, str]) -> None:
    await respond(send)


async def sleep(scope: Scope, send: Send, asked: dict[str, str]) -> None:
    """A request that takes its time, and says when it is cancelled."""
    say("sleeping")
    try:
        await asyncio.sleep(float(asked["s"]))
    except asyncio.CancelledError:
        say("cancelled")
        raise
    await respond(send)
    say("responded")


async def stubborn(scope: Scope, send: Send, _: dict[str, str]) -> None:
    """A request that refuses to be cancelled."""
    say("stubborn")
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            say("ignored")


async def block(scope: Scope, send: Send, asked: dict[str, str]) -> None:
    """A request that blocks the event loop."""
    say("blocking")
    time.sleep(float(asked["s"]))  # noqa: ASYNC251 - that is what it is for
    await respond(send)


async def thread(scope: Scope, send: Send, asked: dict[str, str]) -> None:
    """A request that waits for a thread, which goes on when the request is cancelled."""
    say("in a thread")
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, float(asked["s"]))
    await respond(send)


async def lonely_thread(scope: Scope, send: Send, _: dict[str, str]) -> None:
    """A thread that nothing waits for, except the interpreter at its end."""
    threading.Thread(target=time.sleep, args=(60,)).start()
    say("left a thread")
    await asyncio.sleep(60)


async def stream(scope: Scope, send: Send, asked: dict[str, str]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(int(asked["parts"])):
        await send({"type": "http.response.body", "body": b"%d," % number, "more_body": True})
        say(f"part {number}")
        await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"end"})


async def events(scope: Scope, send: Send, _: dict[str, str]) -> None:
    """A stream of events that ends only with the server (rule L-3)."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"event,", "more_body": True})
    say("streaming")
    await scope["extensions"]["esg.shutdown"]["wait"]()
    await send({"type": "http.response.body", "body": b"bye"})


async def background(scope: Scope, send: Send, _: dict[str, str]) -> None:
    """Work after the response, like Starlette's background tasks."""
    await respond(send)
    say("in the background")
    await asyncio.sleep(0.5)
    say("background done")


ROUTES: dict[str, Any] = {
    "/": hello,
    "/background": background,
    "/block": block,
    "/events": events,
    "/lonely-thread": lonely_thread,
    "/sleep": sleep,
    "/stream": stream,
    "/stubborn": stubborn,
    "/thread": thread,
}


async def noticed(scope: Scope, receive: Receive, send: Send) -> None:
    """Streams that end when the lifespan gets the notice of the shutdown (rule L-9)."""
    if scope["type"] == "lifespan":
        stopping = scope["state"]["stopping"] = asyncio.Event()
        await receive()
        await send({"type": "lifespan.startup.complete", "shutdown_notice": True})
        say((await receive())["type"])
        stopping.set()
        say((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"event,", "more_body": True})
    say("streaming")
    await scope["state"]["stopping"].wait()
    await send({"type": "http.response.body", "body": b"bye"})


def create(greeting: bytes = b"made") -> Application:
    """A factory."""

    async def made(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await respond(send, greeting)

    return made
