"""Reads a server's metrics once a second, as Prometheus would, and notices every counter that falls.

A series that has been there and is missing has fallen too: workers that come and go must not be seen in a total.
"""

import asyncio
import contextlib
import http.client
import time

from benchmarks.soak.http1 import PATIENCE, Target

EVERY = 1.0
"""Seconds between two scrapes."""

GROWING = ("_total", "_bucket", "_sum", "_count")
"""How names of series end that never fall."""

MOST = 5
"""Falls that are kept."""


class Scraper:
    """Scrapes the admin address at `target`; `wrong` has what should not have happened."""

    def __init__(self, target: Target) -> None:
        self.scrapes = 0
        self.wrong: list[str] = []
        self._target = target
        self._last: dict[str, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Scrape until `stop`, and once more then."""
        is_last = False
        while not is_last:
            is_last = stop.is_set()
            began = time.monotonic()
            try:
                await self._scrape()
            except Exception as error:  # noqa: BLE001 - every failure is reported
                self._note(f"a scrape failed: {type(error).__name__}: {error}")
            await asyncio.sleep(max(0.0, began + EVERY - time.monotonic()))

    async def _scrape(self) -> None:
        self.take(await asyncio.to_thread(self._read))
        self.scrapes += 1

    def take(self, text: str) -> None:
        """Compare what has been read with what was read before."""
        now = totals(text)
        for name, before in self._last.items():
            value = now.get(name)
            if value is None or value < before:
                self._note(f"{name} has fallen from {before:g} to {'nothing' if value is None else f'{value:g}'}")
        self._last = now

    def _read(self) -> str:
        """In a thread: the loop of the clients may be too busy for the 5 s that the admin address waits."""
        connection = http.client.HTTPConnection("127.0.0.1", self._target.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            body = answer.read().decode()
        if answer.status != http.HTTPStatus.OK:
            raise ValueError(f"status {answer.status}: {body}")
        return body

    def _note(self, what: str) -> None:
        if len(self.wrong) < MOST:
            self.wrong.append(f"{self._target.name}: metrics: {what}")


def totals(text: str) -> dict[str, float]:
    """The series of Prometheus' text format that never fall, with their values."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {series: float(value) for series, _, value in lines if series.partition("{")[0].endswith(GROWING)}
