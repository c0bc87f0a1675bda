"""The application whose cost is measured as work grows."""

import os

from benchmarks.apps import Message, Receive, Send, hello

BLOCK = bytes(65536)
"""One part of a download."""


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """`/up` counts the bytes of a body, `/down?N` answers with N bytes, `/pid` with its ID, others with 13 bytes."""
    if scope.get("path") == "/up":
        await _count(receive, send)
    elif scope.get("path") == "/down":
        await _give(int(scope["query_string"]), send)
    elif scope.get("path") == "/pid":
        await _number(os.getpid(), send)
    else:
        await hello(scope, receive, send)


async def _count(receive: Receive, send: Send) -> None:
    size = 0
    more = True
    while more:
        message = await receive()
        size += len(message["body"])
        more = message["more_body"]
    await _number(size, send)


async def _number(number: int, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"20")]})
    await send({"type": "http.response.body", "body": b"%020d" % number})


async def _give(size: int, send: Send) -> None:
    headers = [(b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while size > len(BLOCK):
        await send({"type": "http.response.body", "body": BLOCK, "more_body": True})
        size -= len(BLOCK)
    await send({"type": "http.response.body", "body": BLOCK[:size]})
