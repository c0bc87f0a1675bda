"""The one application of all profiles and servers."""

import json
import os
import zlib
from pathlib import Path
from urllib.parse import parse_qsl

from benchmarks.apps import Message, Receive, Send, websocket_echo
from benchmarks.arena.data import DIRECTORY, listing

_FILES = Path(os.environ.get(DIRECTORY, ""))

_TYPES = {
    ".css": b"text/css",
    ".html": b"text/html",
    ".js": b"text/javascript",
    ".json": b"application/json",
    ".svg": b"image/svg+xml",
    ".webp": b"image/webp",
    ".woff2": b"font/woff2",
}


async def _answer(send: Send, body: bytes, kind: bytes = b"text/plain", coding: bytes = b"") -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    if coding:
        headers.append((b"content-encoding", coding))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _numbers(scope: Message) -> list[int]:
    return [int(value) for _, value in parse_qsl(scope["query_string"].decode())]


async def add(scope: Message, receive: Receive, send: Send) -> None:
    """The sum of the numbers in the query, and of the one in the body if there is one."""
    parts = []
    more = scope["method"] == "POST"
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    await _answer(send, b"%d" % (sum(_numbers(scope)) + int(b"".join(parts) or b"0")))


async def ok(_scope: Message, _receive: Receive, send: Send) -> None:
    """Two bytes."""
    await _answer(send, b"ok")


async def items(scope: Message, _receive: Receive, send: Send) -> None:
    """As many items as the path says, with totals by the factor in the query; compressed if the client accepts gzip."""
    count, (factor,) = int(scope["path"].rpartition("/")[2]), _numbers(scope)
    body = json.dumps(listing(count, factor)).encode()
    accepted = next((value for name, value in scope["headers"] if name == b"accept-encoding"), b"")
    if b"gzip" not in accepted:
        await _answer(send, body, b"application/json")
        return
    await _answer(send, zlib.compress(body, 1, wbits=31), b"application/json", b"gzip")


async def upload(_scope: Message, receive: Receive, send: Send) -> None:
    """How many bytes have come."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await _answer(send, b"%d" % size)


async def file(scope: Message, _receive: Receive, send: Send) -> None:
    """A file from the disk: by its path if the server takes one, otherwise all of it in one message."""
    path = _FILES / scope["path"].rpartition("/")[2]
    kind = _TYPES[path.suffix]
    if "http.response.pathsend" not in (scope.get("extensions") or {}):
        await _answer(send, path.read_bytes(), kind)
        return
    headers = [(b"content-type", kind), (b"content-length", b"%d" % path.stat().st_size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.pathsend", "path": str(path)})


ROUTES = {"baseline": add, "pipeline": ok, "json": items, "upload": upload, "static": file}


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer by the first word of the path; each WebSocket is an echo."""
    if scope["type"] == "websocket":
        await websocket_echo(scope, receive, send)
        return
    await ROUTES[scope["path"].split("/", 2)[1]](scope, receive, send)
