"""Slow clients beside a normal one: heads and bodies that drip, and responses that nobody reads.

The server has its deadlines and no limit of running requests: a request whose body drips is one that runs.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from benchmarks.overload.client import Connection, Record, ask_json, milliseconds, percentile
from benchmarks.overload.running import observed
from benchmarks.overload.settings import DEADLINE, DEADLINES

__all__ = ["CROWDS", "LONGEST", "Outcome", "measure"]

DRIP = 0.5
"""Seconds between two bytes of a client that drips."""

CROWDS = {"heads": 2000, "bodies": 2000, "unread": 500}
"""How many clients of each kind."""

SAID = {
    "heads": b"GET / HTTP/1.1\r\nhost: esg\r\nx: ",
    "bodies": b"POST /echo HTTP/1.1\r\nhost: esg\r\ncontent-length: 100000\r\n\r\n",
    "unread": b"GET /large HTTP/1.1\r\nhost: esg\r\n\r\n",
}

LONGEST = 2.0 * DEADLINE + 1.5
"""Seconds that a client can be held: `timeout-write` begins anew once, when the client's side has filled up."""

PATIENCE = 5.0 * DEADLINE


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; `held` is None if some were held to the end of the experiment."""

    clients: int
    held: float | None
    """Seconds from the last of the slow clients until the server was rid of all of them."""

    p50: float | None
    p99: float | None
    """Of the normal client's answers, in milliseconds."""

    served: int
    refused: int
    lost: int


class Slow(asyncio.Protocol):
    """A client that says the beginning of something."""

    transport: asyncio.Transport

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(SAID[self._kind])
        if self._kind == "unread":
            self.transport.pause_reading()

    def drip(self) -> None:
        """Say one byte more, if that is what it does."""
        if self._kind != "unread" and not self.transport.is_closing():
            self.transport.write(b"x")


def measure(divisor: int = 1) -> Outcome:
    """With all of the crowds, or a part of each."""
    with observed(DEADLINES) as port:
        return asyncio.run(_measure(port, divisor))


async def _measure(port: int, divisor: int) -> Outcome:
    record = Record()
    normal = asyncio.ensure_future(_ask_normally(port, record))
    clients = await _gather(port, divisor)
    began = time.perf_counter()
    dripping = asyncio.ensure_future(_drip(clients))
    held = await _wait_until_alone(port, began)
    for task in (normal, dripping):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    for client in clients:
        client.transport.abort()
    served = record.latencies.get(200, [])
    p50, p99 = (milliseconds(percentile(served, share)) for share in (0.5, 0.99))
    return Outcome(len(clients), held, p50, p99, len(served), record.count(503), record.lost)


async def _gather(port: int, divisor: int) -> list[Slow]:
    loop = asyncio.get_running_loop()
    clients = []
    for kind, count in CROWDS.items():
        for _ in range(count // divisor):
            _, client = await loop.create_connection(lambda kind=kind: Slow(kind), "127.0.0.1", port)  # type: ignore[misc]
            clients.append(client)
    return clients


async def _drip(clients: list[Slow]) -> None:
    while True:
        for number, client in enumerate(clients):
            client.drip()
            if number % 100 == 0:
                await asyncio.sleep(DRIP * 100 / len(clients))


async def _wait_until_alone(port: int, began: float) -> float | None:
    """Until nobody is connected but the normal client and whoever asks."""
    while (elapsed := time.perf_counter() - began) < PATIENCE:
        if (await ask_json(port, "/stats"))["connections"] <= 2:
            return elapsed
        await asyncio.sleep(0.1)
    return None


async def _ask_normally(port: int, record: Record) -> None:
    connection = Connection(port)
    try:
        while True:
            began = time.perf_counter()
            try:
                record.add(await connection.ask("/"), time.perf_counter() - began)
            except (OSError, EOFError):
                record.lost += 1
                connection.close()
            await asyncio.sleep(0.01)
    finally:
        connection.close()
