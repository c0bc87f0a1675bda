"""The server that is restarted, upgraded and robbed of its workers, and what its log says about it."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]

PATIENCE = 60.0
"""Seconds to wait for events that must happen."""


class ServerFailed(Exception):
    """An event that must happen did not; the text has the end of the server's log."""


class Server:
    """`python -m esg` with workers; `main` is the process that signals go to, and changes with an upgrade."""

    def __init__(self, *options: str) -> None:
        command = (sys.executable, "-m", "esg", "benchmarks.losses.app:app", "--port", "0", "--no-access-log", *options)
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
        )
        self.main = self._process.pid
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    async def __aenter__(self) -> Self:
        self.port = int((await self.line(r"ESG running on http://[^:]+:(\d+)"))[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.poll() is None or self.main != self._process.pid:
            os.kill(self.main, signal.SIGTERM)
        await asyncio.to_thread(self._thread.join, PATIENCE)
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def send(self, number: signal.Signals) -> int:
        """Send a signal to the main process; returns how many lines there are so far."""
        so_far = len(self.lines)
        os.kill(self.main, number)
        return so_far

    def count(self, pattern: str) -> int:
        """How many lines match."""
        return sum(re.search(pattern, line) is not None for line in self.lines)

    async def line(self, pattern: str, after: int = 0, times: int = 1) -> re.Match[str]:
        """The last of `times` matching lines after the given number of lines, as soon as it is there."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found = [match for line in self.lines[after:] if (match := re.search(pattern, line))]
                    if len(found) >= times:
                        return found[times - 1]
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise ServerFailed(f"no {pattern!r} in the log:\n" + "\n".join(self.lines[-30:])) from None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
