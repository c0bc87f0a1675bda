"""Scrapes without end, which notice any counter that falls."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from tests.support.behaviour.administered import Admin

GROWING = ("_total", "_bucket", "_sum", "_count")


def name_of(series: str) -> str:
    return series.partition("{")[0]


class Scraper:
    """A thread that scrapes as often as it can; `fallen` are the counters that did, with both of their values.

    A series that has been there and is missing has fallen too.
    """

    def __init__(self, admin: Admin) -> None:
        self.scrapes = 0
        self.fallen: list[tuple[str, float, float | None]] = []
        self._last: dict[str, float] = {}
        self._admin = admin
        self._is_over = threading.Event()
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._running = self._pool.submit(self._run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._pool.shutdown()
        if error is None:
            self._running.result()

    def _run(self) -> None:
        while not self._is_over.is_set():
            self._scrape()

    def _scrape(self) -> None:
        now = {name: value for name, value in self._admin.series().items() if name_of(name).endswith(GROWING)}
        for name, before in self._last.items():
            value = now.get(name)
            if value is None or value < before:
                self.fallen.append((name, before, value))
        self._last = now
        self.scrapes += 1
