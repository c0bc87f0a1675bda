"""An application that other programs run, or stand in front of: it reports its process and its requests."""

import asyncio
import json
import os
import time
from typing import Any, ClassVar

from esg.workers import ESGWorker
from esg_core.asgi import Receive, Scope, Send


class Configured(ESGWorker):
    """A gunicorn worker with its own options."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"health": True, "access_log_format": "%(s)s by %(h)s"}


class Timed(ESGWorker):
    """A gunicorn worker whose responses may not be late."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"timeout_response": 0.5}


class Misconfigured(ESGWorker):
    """A gunicorn worker with an option that does not exist."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"helth": True}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await {"lifespan": lifespan, "http": http, "websocket": websocket}[scope["type"]](scope, receive, send)


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that cannot start."""
    assert scope["type"] == "lifespan"
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("shutdown", flush=True)
    await send({"type": "lifespan.shutdown.complete"})


async def http(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"].removeprefix(scope["root_path"])
    if path == "/sleep":
        print("sleeping", flush=True)
        try:
            await asyncio.sleep(float(scope["query_string"]))
        except asyncio.CancelledError:
            print("cancelled", flush=True)
            raise
    elif path == "/block":
        time.sleep(float(scope["query_string"]))  # noqa: ASYNC251 - that is what it is for
    body = json.dumps(facts(scope)).encode() if path == "/who" else str(os.getpid()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in HTTP, or send back each text in capitals."""
    await receive()
    if scope["path"] == "/denied":
        await send({"type": "websocket.http.response.start", "status": 418, "headers": [(b"x-why", b"tea")]})
        await send({"type": "websocket.http.response.body", "body": b"no coffee"})
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps(facts(scope))})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"].upper()})
    print(f"disconnected with {message['code']}", flush=True)


def facts(scope: Scope) -> dict[str, Any]:
    named = {name: scope[name] for name in ("client", "server", "scheme", "path", "root_path")}
    tls = scope["extensions"].get("tls") or {}
    client = tls.get("client_cert_name")
    return {**named, "extensions": sorted(scope["extensions"]), "client_cert_name": client, "pid": os.getpid()}
