"""wrk on one address, from entering to leaving, and what it has lost."""

import asyncio
import re
import signal
from dataclasses import dataclass
from typing import Self

CONNECTIONS = 16
"""Connections of wrk, all of them kept."""

SECONDS = 3600
"""How long it would go on by itself."""


@dataclass(frozen=True)
class WrkResult:
    """Requests that were answered, and those that were not or with an error: all kinds that wrk distinguishes."""

    requests: int
    losses: int


class Wrk:
    """`result` is there when it has ended."""

    result: WrkResult

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/slow?0"

    async def __aenter__(self) -> Self:
        words = ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "20s", self._url)
        self._process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        self.result = read((await self._process.communicate())[0].decode())


def read(output: str) -> WrkResult:
    """The figures of wrk's report, which has no lines for errors that did not occur."""
    requests = re.search(r"(\d+) requests in", output)
    if requests is None:
        raise ValueError(f"no report of wrk:\n{output}")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    numbers = [*(errors.groups() if errors else ()), *(refused.groups() if refused else ())]
    return WrkResult(int(requests[1]), sum(map(int, numbers)))
