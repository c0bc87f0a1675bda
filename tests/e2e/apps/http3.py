"""What HTTP/3 is asked for in tests: sizes, echoes, and answers that wait."""

import asyncio
import json
import os

from esg_core.asgi import Receive, Scope, Send

waiting = asyncio.Event()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    told = {
        "method": scope["method"],
        "version": scope["http_version"],
        "scheme": scope["scheme"],
        "size": size,
        "client": scope["client"],
        "server": scope["server"],
        "tls": scope["extensions"].get("tls", {}).get("tls_version"),
    }
    path = scope["path"]
    body = b"x" * int(path[1:]) if path[1:].isdigit() else json.dumps(told).encode()
    if path == "/pid":
        body = str(os.getpid()).encode()
    status = 204 if path == "/empty" else 200
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    if path == "/slow":  # until the server drains
        await send({"type": "http.response.body", "body": b"begun, ", "more_body": True})
        await scope["extensions"]["esg.shutdown"]["wait"]()
        await asyncio.sleep(0.2)
        body = b"ended"
    await send({"type": "http.response.body", "body": b"" if status == 204 else body})
