"""The streams that clients leave in the tests, the same for all frameworks; each reports how far it is.

A request's path is `/{phase}/{name}`: the phase in which the client will leave, and the name in the lines.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Iterator

PART = b"x" * 65536
PARTS = 200
"""Of a download: 13 MB."""


def say(name: str, what: str) -> None:
    sys.stdout.write(f"{name}: {what}\n")  # whole: several threads do
    sys.stdout.flush()


async def before(phase: str, name: str) -> None:
    """What a handler does before it has a response."""
    say(name, "asked")
    if phase == "late":
        await asyncio.sleep(1.5)


async def stream(phase: str, name: str) -> AsyncGenerator[bytes, None]:
    """The parts of a response; it is `whole`, `paced` or a `download`, or has no end."""
    try:
        if phase == "held":
            say(name, "begun")
            await asyncio.Event().wait()
        yield b"first"
        if phase in ("idle", "late"):
            await asyncio.Event().wait()
        while phase == "tokens":
            await asyncio.sleep(0.02)
            yield b"token"
        while phase == "flood":
            yield PART
        while phase == "stuck":
            yield PART
            await asyncio.sleep(0)
        for _ in range(PARTS if phase == "download" else 0):
            yield PART
        for _ in range(10 if phase == "paced" else 0):
            await asyncio.sleep(0.2)
            yield b"token"
    finally:
        say(name, "ended")


def steps(phase: str, name: str) -> Iterator[bytes]:
    """Like `stream`, for threads: nothing in it waits for long."""
    try:
        say(name, "begun")
        yield b"first"
        while phase == "tokens":
            time.sleep(0.02)
            yield b"token"
        while phase == "flood":
            yield PART
        for _ in range(PARTS if phase == "download" else 0):
            yield PART
    finally:
        say(name, "ended")
