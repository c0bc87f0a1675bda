"""Clients of the experiments: requests on kept connections, at a rate that does not depend on the server.

This is an open load. Latency counts from the moment at which the request was due; a request that is not answered
within `PATIENCE` is lost, and so is its connection.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 5.0


@dataclass(slots=True)
class Record:
    """The results of the requests: latencies in seconds by status, and how many were lost.

    `elapsed` is the time from the first to the end of the last one, `late` by how much the load itself was behind at
    worst: where that is not small against the latencies, the client was too slow, and the figures are its own.
    """

    latencies: dict[int, list[float]] = field(default_factory=dict)
    lost: int = 0
    elapsed: float = 0.0
    late: float = 0.0

    def add(self, status: int, seconds: float) -> None:
        """One answer."""
        self.latencies.setdefault(status, []).append(seconds)

    def count(self, status: int) -> int:
        """How many answers had this status."""
        return len(self.latencies.get(status, ()))

    @property
    def total(self) -> int:
        """All requests."""
        return self.lost + sum(map(len, self.latencies.values()))


class Connection:
    """One connection, opened when it is first used."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, path: str) -> int:
        """The status of the answer, once all of it is there."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        assert self._reader is not None
        self._writer.write(f"GET {path} HTTP/1.1\r\nhost: esg\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        await self._reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        if b"connection: close" in head:
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        """Break the connection; the next request opens another one."""
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None


async def offer(port: int, path: str, rate: float, seconds: float) -> Record:
    """Send that many requests per second, for that long, and wait for their results."""
    record = Record()
    idle: list[Connection] = []
    tasks = set()
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(due - time.perf_counter())
        record.late = max(record.late, time.perf_counter() - due)
        task = asyncio.ensure_future(_ask(idle, port, path, due, record))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks)
    record.elapsed = time.perf_counter() - began
    for connection in idle:
        connection.close()
    return record


async def _ask(idle: list[Connection], port: int, path: str, due: float, record: Record) -> None:
    connection = idle.pop() if idle else Connection(port)
    try:
        async with asyncio.timeout(PATIENCE):
            status = await connection.ask(path)
    except (TimeoutError, OSError, EOFError):
        connection.close()
        record.lost += 1
        return
    record.add(status, time.perf_counter() - due)
    idle.append(connection)


async def probe(port: int, path: str, until: "asyncio.Future[None]", pause: float = 0.1) -> Record:
    """Send requests on one connection until told to stop."""
    record = Record()
    connections = [Connection(port)]
    while not until.done():
        await _ask(connections, port, path, time.perf_counter(), record)
        connections = connections or [Connection(port)]
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(until), pause)
    for connection in connections:
        connection.close()
    return record


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that this share of the values do not exceed; None if there are none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else None


def milliseconds(seconds: float | None) -> float | None:
    """The same time, None for none."""
    return None if seconds is None else seconds * 1000


async def ask_json(port: int, path: str) -> Any:
    """What an observed server reports about itself, over a new connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: esg\r\nconnection: close\r\n\r\n".encode())
    body = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    return json.loads(body)
