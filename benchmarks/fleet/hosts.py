"""The hosts: one server each, on an address of its own of the loopback, in a session of its own.

ESG runs with the command that the balancer's configuration gives for it.
"""

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]

APP = "benchmarks.fleet.app:app"
HOSTS = 3
PATIENCE = 60.0
"""Seconds for a host to start, and to stop."""

SERVERS = ("esg", "esg-no-delay", "uvicorn", "granian")


class HostFailed(Exception):
    """A host did not start or stop; the text has what its server wrote."""


@dataclass(frozen=True)
class Fleet:
    """What all hosts have in common."""

    server: str
    configuration: Path
    port: int
    directory: Path
    options: Sequence[str] = ()
    """More of ESG's, for what is not to be decided for all applications."""

    def command(self, address: str) -> list[str]:
        """The arguments after `python`, for the host of that address."""
        where = ["--host", address, "--port", str(self.port)]
        if self.server == "uvicorn":
            times = ["--timeout-keep-alive", "65", "--timeout-graceful-shutdown", "25"]
            return ["-m", "uvicorn", APP, *where, *times, "--lifespan", "off", "--no-access-log"]
        if self.server == "granian":
            chosen = ["--interface", "asginl", "--ws", "--workers-kill-timeout", "25", "--no-access-log"]
            return ["-m", "granian", APP, *where, *chosen]
        return self._of_esg(where)

    def _of_esg(self, where: list[str]) -> list[str]:
        text = self.configuration.read_text(encoding="utf-8")
        found = re.search(r"Run ESG on each[^:]*: +esg main:app (.*)", text)
        if found is None:
            raise HostFailed(f"{self.configuration} does not say how to run ESG")
        options = shlex.split(found[1])
        if self.server == "esg-no-delay":
            options += ["--shutdown-delay", "0"]
        return ["-m", "esg", APP, *options, *self.options, *where, "--lifespan", "off", "--no-access-log"]


def launch(command: Sequence[str], log: Path, **variables: str) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own; what it writes goes to that file."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def written(log: Path) -> str:
    """What a program has written so far."""
    return log.read_text(encoding="utf-8", errors="replace")


class Host:
    """One of them; `name` also says how often it has been started: `2.1`."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.address = f"127.0.0.{number + 1}"
        self._fleet = fleet
        self._number = number
        self._starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """What its answers name it."""
        return f"{self._number}.{self._starts}"

    @property
    def _log(self) -> Path:
        return self._fleet.directory / f"{self.name}.log"

    async def start(self) -> None:
        """Start it, and return when it answers."""
        self._starts += 1
        command = (sys.executable, *self._fleet.command(self.address))
        self._process = launch(command, self._log, FLEET_HOST=self.name)
        try:
            async with asyncio.timeout(PATIENCE):
                while not await self._answers():  # noqa: ASYNC110 - another process has no event to wait for
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise HostFailed(f"{self._fleet.server} does not answer:\n{written(self._log)}") from None

    async def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise HostFailed(f"{self._fleet.server} has ended:\n{written(self._log)}")
        try:
            reader, writer = await asyncio.open_connection(self.address, self._fleet.port)
        except OSError:
            return False
        try:
            writer.write(b"GET /__esg_ready__ HTTP/1.1\r\nhost: fleet\r\nconnection: close\r\n\r\n")
            return b" 200 " in await reader.readline()
        except OSError:
            return False
        finally:
            writer.close()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all its processes."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    async def stop(self) -> None:
        """Ask its main process to end, and wait until it has."""
        assert self._process is not None
        self._process.terminate()
        await self.ended()

    async def ended(self) -> None:
        """Wait for its end."""
        assert self._process is not None
        try:
            await asyncio.to_thread(self._process.wait, PATIENCE)
        except subprocess.TimeoutExpired:
            raise HostFailed(f"{self._fleet.server} does not end:\n{written(self._log)}") from None

    async def close(self) -> None:
        """Whatever it does, end it now."""
        if self._process is not None and self._process.poll() is None:
            self.send(signal.SIGKILL)
            await self.ended()


class Hosts(AsyncExitStack):
    """All hosts, from entering to leaving."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__()
        self.all = [Host(fleet, number) for number in range(1, HOSTS + 1)]

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        for host in self.all:
            self.push_async_callback(host.close)
        try:
            await asyncio.gather(*(host.start() for host in self.all))
        except BaseException:
            await self.aclose()
            raise
        return self
