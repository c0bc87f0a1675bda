"""A great many requests that end in every possible way; afterwards the server must hold nothing."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from benchmarks.overload.client import ask_json
from benchmarks.overload.running import observed
from benchmarks.overload.settings import DEADLINE, DEADLINES

SETTINGS: dict[str, object] = {
    **DEADLINES,
    "backpressure": True,
    "backpressure_max_limit": 50,
    "backpressure_queue_timeout": 0.5,
}

CLIENTS = 100
BATCHES = 5

WHOLE = {
    "served": b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n",
    "waiting": b"GET /sleep HTTP/1.1\r\nhost: esg\r\n\r\n",
    "uploaded": b"POST /echo HTTP/1.1\r\nhost: esg\r\ncontent-length: 5\r\n\r\nhello",
    "raising": b"GET /boom HTTP/1.1\r\nhost: esg\r\n\r\n",
}
"""Requests that get an answer: the application's, or one for a failure or a refusal."""

ABORTED = {
    "in the head": b"GET / HTTP/1.1\r\nhost",
    "in the body": b"POST /echo HTTP/1.1\r\nhost: esg\r\ncontent-length: 500\r\n\r\nhe",
    "in the call": b"GET /sleep HTTP/1.1\r\nhost: esg\r\n\r\n",
    "in the response": b"GET /large HTTP/1.1\r\nhost: esg\r\n\r\n",
    "malformed": b"GET / HTTP/1.1\r\n host: esg\r\n\r\n",
}
"""What a client sends before it leaves."""

LATE = {
    "late head": b"GET / HTTP/1.1\r\nhost",
    "late body": b"POST /echo HTTP/1.1\r\nhost: esg\r\ncontent-length: 500\r\n\r\nhe",
    "unread": b"GET /large HTTP/1.1\r\nhost: esg\r\n\r\n",
}
"""What a client sends that then waits until the server closes the connection."""

SHARES = {"whole": 0.8, "late": 0.005}
"""Of all requests; the others are aborted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How often each kind of end happened, what was left, and the memory after each part of the run, in bytes."""

    ends: dict[str, int]
    left: dict[str, int]
    memory: list[int]
    figures: dict[str, Any]


def measure(requests: int) -> Outcome:
    """Send that many requests of all kinds."""
    with observed(SETTINGS) as port:
        return asyncio.run(_measure(port, requests))


async def _measure(port: int, requests: int) -> Outcome:
    ends: Counter[str] = Counter()
    memory = []
    for batch in range(BATCHES):
        share = requests // BATCHES // CLIENTS
        await asyncio.gather(*(_client(port, share, batch * CLIENTS + number, ends) for number in range(CLIENTS)))
        await asyncio.sleep(1)
        memory.append(int((await ask_json(port, "/stats"))["rss"]))
    await asyncio.sleep(4)
    found = await ask_json(port, "/stats")
    own = {"inflight": 1, "connections": 1, "tasks": 2}  # the request for the figures, and the program itself
    left = {name: found[name] - own.get(name, 0) for name in ("inflight", "queued", "connections", "tasks")}
    return Outcome(dict(ends), left, memory, found)


async def _client(port: int, requests: int, seed: int, ends: "Counter[str]") -> None:
    chance = random.Random(seed)
    writer: asyncio.StreamWriter | None = None
    for _ in range(requests):
        if writer is None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        with suppress(OSError, EOFError):
            if chance.random() < SHARES["whole"]:
                ends[await _whole(reader, writer, chance)] += 1
                continue
            if chance.random() < SHARES["late"] / (1 - SHARES["whole"]):
                ends[await _late(reader, writer, chance)] += 1
            else:
                kind = chance.choice(list(ABORTED))
                writer.write(ABORTED[kind])
                await asyncio.sleep(chance.random() * 0.02)
                ends[f"gone {kind}"] += 1
        writer.transport.abort()
        writer = None
    if writer is not None:
        writer.transport.abort()


async def _late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chance: random.Random) -> str:
    kind = chance.choice(list(LATE))
    writer.write(LATE[kind])
    if kind == "unread":
        await asyncio.sleep(2 * DEADLINE + 1)
        return kind
    status = (await reader.readline())[9:12].decode()
    return f"{kind} {status}"


async def _whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chance: random.Random) -> str:
    writer.write(WHOLE[chance.choice(list(WHOLE))])
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
    return head[9:12].decode()
