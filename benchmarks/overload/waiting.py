"""Thousands of clients that wait, on an idle loop: event streams and long polls (rule A-4).

They arrive at a rate that is no load by itself. A client that is refused, or gets no first byte in time, is counted.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import uvloop

from benchmarks.overload.apps import POLL
from benchmarks.overload.client import PATIENCE, ask_json
from benchmarks.overload.running import observed

CLIENTS = 3000
ARRIVALS = 1000
"""Clients that arrive per second."""

KINDS = ("events", "poll")

SETTINGS: Mapping[str, object] = {"backpressure": True, "backpressure_max_limit": 2 * CLIENTS}
"""A limit that lets all of them in: a client that waits holds a slot."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many first answers had which status (0: none), how many had a second, and the server with all of them."""

    statuses: Mapping[int, int]
    again: int
    peak: int
    elu: float
    refused: int


def measure(kind: str, clients: int = CLIENTS) -> Outcome:
    """With that many clients of one of `KINDS`, for two rounds of `POLL` seconds."""
    with observed(SETTINGS) as port:
        return uvloop.run(_measure(port, kind, clients))


async def _measure(port: int, kind: str, clients: int) -> Outcome:
    statuses: Counter[int] = Counter()
    again: Counter[bool] = Counter()
    tasks = []
    for number in range(clients):
        tasks.append(asyncio.ensure_future(_client(port, kind, statuses, again)))
        if number % 50 == 49:
            await asyncio.sleep(50 / ARRIVALS)
    await asyncio.sleep(POLL / 2)
    found = await ask_json(port, "/stats")
    await asyncio.gather(*tasks)
    after = await ask_json(port, "/stats")
    return Outcome(dict(statuses), again[True], found["inflight"], found["elu"], after["rejected_total"])


async def _client(port: int, kind: str, statuses: "Counter[int]", again: "Counter[bool]") -> None:
    """Send a request, and wait for two events, or for two answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    question = f"GET /{kind} HTTP/1.1\r\nhost: esg\r\n\r\n".encode()
    try:
        for turn in range(2):
            if turn == 0 or kind == "poll":
                writer.write(question)
            async with asyncio.timeout(POLL + PATIENCE):
                if turn == 0 or kind == "poll":
                    status = int((await reader.readuntil(b"\r\n\r\n"))[9:12])
                await reader.readuntil(b"tick\n" if kind == "events" else b"done")
            if turn == 0:
                statuses[status] += 1
            else:
                again[status == 200] += 1
    except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
        statuses[0] += 1
    finally:
        writer.transport.abort()
