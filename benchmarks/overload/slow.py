"""Slow clients beside a normal one: heads and bodies that drip, and responses that are not read.

The server has deadlines but no limit of running requests: a request whose body drips counts as running. The normal
client is a separate process, so that the crowd does not delay it.
"""

import asyncio
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import uvloop

from benchmarks.overload.client import milliseconds, percentile
from benchmarks.overload.running import observed
from benchmarks.overload.settings import DEADLINE, DEADLINES

DRIP = 0.5
"""Seconds between two bytes of a dripping client."""

ARRIVALS = {"heads": 1000, "bodies": 1000, "unread": 250}
"""Slow clients of each kind that arrive per second."""

CROWDS = {"heads": 2000, "bodies": 2000, "unread": 500}
"""How many clients of each kind."""

SAID = {
    "heads": b"GET / HTTP/1.1\r\nhost: esg\r\nx: ",
    "bodies": b"POST /echo HTTP/1.1\r\nhost: esg\r\ncontent-length: 100000\r\n\r\n",
    "unread": b"GET /large HTTP/1.1\r\nhost: esg\r\n\r\n",
}

NOTICED = 1.0
"""Seconds until a missed deadline is noticed here: the server checks four times a second, and the machine is busy."""

LONGEST = {"heads": DEADLINE + NOTICED, "bodies": DEADLINE + NOTICED, "unread": 1.25 * DEADLINE + NOTICED}
"""Seconds for which a client of each kind may be held: `timeout-write` is checked in four steps."""

PATIENCE = 5.0 * DEADLINE
BEFORE, AFTER = 1.0, 2.0
"""Seconds for which the normal client asks before the crowd comes and after it has gone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results: for how long clients were held at most, by kind; None if some were held to the end."""

    clients: int
    held: Mapping[str, float | None]
    p50: float | None
    p99: float | None
    """Of the normal client's answers while the crowd was there, in milliseconds."""

    served: int
    failed: int


class Slow(asyncio.Protocol):
    """A client that sends the beginning of a request, byte by byte."""

    transport: asyncio.Transport
    held: float | None = None

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        self._began = time.perf_counter()
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(SAID[self._kind])

    def connection_lost(self, exc: Exception | None) -> None:
        """As `asyncio.Protocol`."""
        self.held = time.perf_counter() - self._began

    def drip(self) -> None:
        """Send one more byte."""
        if not self.transport.is_closing():
            self.transport.write(b"x")


class Unread:
    """A client that asks for much and reads nothing."""

    held: float | None = None

    def __init__(self, port: int) -> None:
        self._began = time.perf_counter()
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(SAID["unread"])
        self._poll = select.poll()
        self._poll.register(self._socket, 0)

    def look(self) -> None:
        """Check whether the server has broken the connection."""
        if self.held is None and self._poll.poll(0):
            self.held = time.perf_counter() - self._began
            self._socket.close()

    def close(self) -> None:
        """Go."""
        self._socket.close()


def measure(divisor: int = 1) -> Outcome:
    """With the whole crowds, or a part of each."""
    with observed(DEADLINES) as port:
        words = [sys.executable, "-m", "benchmarks.overload.normal", str(port)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as normal:
            time.sleep(BEFORE)
            held, clients = uvloop.run(_measure(port, divisor))
            time.sleep(AFTER)
            answers = json.loads(normal.communicate("enough\n", timeout=30)[0])
    seconds = answers["seconds"]
    p50, p99 = (milliseconds(percentile(seconds, share)) for share in (0.5, 0.99))
    return Outcome(clients, held, p50, p99, len(seconds), answers["failed"])


async def _measure(port: int, divisor: int) -> tuple[dict[str, float | None], int]:
    dripping: dict[str, list[Slow]] = {"heads": [], "bodies": []}
    unread: list[Unread] = []
    drips = [asyncio.ensure_future(_drip(clients)) for clients in dripping.values()]
    looks = asyncio.ensure_future(_look(unread))
    for kind, count in CROWDS.items():
        for number in range(count // divisor):
            if kind == "unread":
                unread.append(Unread(port))
            else:
                dripping[kind].append(await _connect(port, kind))
            if number % 20 == 19:
                await asyncio.sleep(20 / ARRIVALS[kind])
    groups: dict[str, Sequence[Slow | Unread]] = {**dripping, "unread": unread}
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while any(client.held is None for clients in groups.values() for client in clients):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    for task in (*drips, looks):
        task.cancel()
    await asyncio.gather(*drips, looks, return_exceptions=True)
    for slow in (*dripping["heads"], *dripping["bodies"]):
        slow.transport.abort()
    for client in unread:
        client.close()
    return {kind: _longest(clients) for kind, clients in groups.items()}, sum(map(len, groups.values()))


def _longest(clients: Sequence[Slow | Unread]) -> float | None:
    held = [client.held for client in clients if client.held is not None]
    return max(held) if len(held) == len(clients) else None


async def _connect(port: int, kind: str) -> Slow:
    _, client = await asyncio.get_running_loop().create_connection(lambda: Slow(kind), "127.0.0.1", port)
    return client


async def _drip(clients: list[Slow]) -> None:
    while True:
        await asyncio.sleep(DRIP / 10)
        for part in range(10):
            for client in clients[part::10]:
                client.drip()
            await asyncio.sleep(DRIP / 10)


async def _look(clients: list[Unread]) -> None:
    while True:
        for client in clients:
            client.look()
        await asyncio.sleep(0.1)
