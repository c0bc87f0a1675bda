"""Clients that ask all the time, check every answer, and distinguish each way to lose one.

Knows only as much HTTP/1.1 as it needs. One kind of client keeps its connection until the server announces its end; the
other makes a connection for each request. A connection that ends unannounced is a loss, even between two requests: only
a request that was never sent can safely be sent again.
"""

import asyncio
import itertools
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

PATIENCE = 20.0
"""Seconds for one answer, connecting included; more is a loss."""

PATHS = ("/", "/slow")


@dataclass
class Tally:
    """What all clients have seen so far; `losses` are times, descriptions, and the processes where known."""

    answered: int = 0
    connections: int = 0
    processes: Counter[int] = field(default_factory=Counter)
    losses: list[tuple[float, str, int | None]] = field(default_factory=list)


class Clients:
    """`keeping` and `changing` clients of the two kinds on one address, from entering to leaving."""

    def __init__(self, port: int, keeping: int, changing: int) -> None:
        self.tally = Tally()
        self._port = port
        self._kinds = [True] * keeping + [False] * changing
        self._numbers = itertools.count()
        self._is_over = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Tally:
        self._tasks = [asyncio.create_task(self._ask_on(keeps, index)) for index, keeps in enumerate(self._kinds)]
        return self.tally

    async def __aexit__(self, *_: object) -> None:
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def _ask_on(self, keeps: bool, index: int) -> None:
        path = PATHS[index % len(PATHS)]
        while not self._is_over:
            asking = _Asking(self._port, self.tally)
            try:
                async with asyncio.timeout(PATIENCE) as patience:
                    await asking.connect()
                    while await asking.ask(path, next(self._numbers), keeps) and not self._is_over:
                        patience.reschedule(asyncio.get_running_loop().time() + PATIENCE)
            except (OSError, EOFError, ValueError) as error:
                what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                self.tally.losses.append((time.monotonic(), what, asking.process))
                await asyncio.sleep(0.01)
            finally:
                asking.close()


class _Asking:
    """One connection."""

    def __init__(self, port: int, tally: Tally) -> None:
        self.process: int | None = None
        self._port = port
        self._tally = tally
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tally.connections += 1

    async def ask(self, path: str, number: int, keeps: bool) -> bool:
        """One request and its answer; returns whether the connection can be used again."""
        assert self._writer is not None
        end = "" if keeps else "connection: close\r\n"
        self._writer.write(f"GET {path}?{number} HTTP/1.1\r\nhost: losses\r\n{end}\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        if not head[0].startswith("http/1.1 200"):
            raise ValueError(f"the answer is {head[0]}")
        asked, process = (await self._reader.readexactly(int(fields["content-length"]))).split()
        if int(asked) != number:
            raise ValueError(f"the answer belongs to {asked!r}, not to {number}")
        self.process = int(process)
        self._tally.answered += 1
        self._tally.processes[self.process] += 1
        if fields.get("connection") != "close":
            return True
        if await self._reader.read(1):
            raise ValueError("there is more after the end")
        return False

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
