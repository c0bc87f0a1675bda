"""The application of all experiments: work that keeps the loop busy, and answers that are hard to read to the end."""

import asyncio
import time

from benchmarks.apps import Message, Receive, Send

__all__ = ["CAPACITY", "LARGE", "SPIN", "app"]

SPIN = 0.02
"""Seconds that one request to `/spin` keeps the loop busy."""

CAPACITY = 1 / SPIN
"""Requests a second that one loop can serve at the very best."""

LARGE = b"x" * 1_000_000


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Do what the path says."""
    path = scope["path"]
    if path == "/boom":
        raise ValueError("broken on purpose")
    if path == "/spin":
        end = time.perf_counter() + SPIN
        while time.perf_counter() < end:
            pass
    elif path == "/sleep":
        await asyncio.sleep(SPIN)
    elif path == "/echo":
        while (await receive()).get("more_body", False):
            pass
    await _answer(send, LARGE if path == "/large" else b"done")


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
