"""The application of all experiments: work that keeps the loop busy, and answers that are hard to finish."""

import asyncio
import time
from contextlib import suppress

from benchmarks.apps import Message, Receive, Send

SPIN = 0.02
"""Seconds that one request to `/spin` keeps the loop busy."""

CAPACITY = 1 / SPIN
"""Requests per second that one loop can serve at best."""

LARGE = b"x" * 1_000_000

POLL = 3.0
"""Seconds until a long poll is answered, and between two events of a stream."""


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer by path."""
    path = scope["path"]
    if path == "/boom":
        raise ValueError("broken on purpose")
    if path == "/spin":
        end = time.perf_counter() + SPIN
        while time.perf_counter() < end:
            pass
    elif path == "/sleep":
        await asyncio.sleep(SPIN)
    elif path == "/poll":
        await asyncio.sleep(POLL)
    elif path == "/events":
        await _stream(send)
        return
    elif path == "/echo":
        while (await receive()).get("more_body", False):
            pass
    await answer(send, LARGE if path == "/large" else b"done")


async def _stream(send: Send) -> None:
    """Events without end, until the client leaves."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    with suppress(OSError):
        while True:
            await send({"type": "http.response.body", "body": b"data: tick\n\n", "more_body": True})
            await asyncio.sleep(POLL)


async def answer(send: Send, body: bytes) -> None:
    """Answer with this body."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
