"""An application that reports which process serves, and can be made to end, block or fail."""

import itertools
import os
import sys
import threading
import time
from typing import Any

from esg_core.asgi import Receive, Scope, Send
from tests.behaviour.apps import lifecycle
from tests.behaviour.apps.lifecycle import respond

GENERATION = os.environ.get("GENERATION", "")

if os.environ.get("BROKEN") and os.path.exists(os.environ["BROKEN"]):  # noqa: PTH110 - as short as it gets
    raise ZeroDivisionError("broken on purpose")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifecycle.lifespan(receive, send)
    elif scope["path"] == "/upload":
        await upload(receive, send)
    else:
        await ROUTES[scope["path"]](scope, send, lifecycle.query(scope))


async def process(scope: Scope, send: Send, _: dict[str, str]) -> None:
    await respond(send, b"%d" % os.getpid())


async def upload(receive: Receive, send: Send) -> None:
    """Respond once the whole body has come."""
    lifecycle.say("receiving")
    while (await receive()).get("more_body"):
        pass
    await respond(send)


async def parent(scope: Scope, send: Send, _: dict[str, str]) -> None:
    await respond(send, b"%d" % os.getppid())


async def die(scope: Scope, send: Send, asked: dict[str, str]) -> None:
    """End without a message."""
    os._exit(int(asked["code"]))


async def grow(scope: Scope, send: Send, asked: dict[str, str]) -> None:
    """Take that many MiB of memory, and keep them."""
    HOARD.append(bytearray(int(asked["mib"]) << 20))
    await respond(send)


async def hold(scope: Scope, send: Send, asked: dict[str, str]) -> None:
    """Block the event loop forever, at a recognisable place."""
    lifecycle.say("blocking")
    PLACES[asked["where"]]()


def here_the_application_blocks() -> None:
    while True:
        time.sleep(60)


def here_the_application_computes() -> None:
    while True:
        pass


def here_c_code_keeps_the_lock() -> None:
    sum(itertools.repeat(0))


async def arguments(scope: Scope, send: Send, _: dict[str, str]) -> None:
    """What a program sees that inspects its environment."""
    main = sys.modules["__main__"]
    threads = sorted(thread.name for thread in threading.enumerate())
    await respond(send, f"{sys.argv[1:]} {getattr(main, 'MARK', None)} {threads}".encode())


PLACES = {
    "blocks": here_the_application_blocks,
    "computes": here_the_application_computes,
    "keeps": here_c_code_keeps_the_lock,
}

HOARD: list[bytearray] = []

ROUTES: dict[str, Any] = {
    **lifecycle.ROUTES,
    "/arguments": arguments,
    "/die": die,
    "/grow": grow,
    "/hold": hold,
    "/parent": parent,
    "/pid": process,
}
