"""Shared by the tests of watching: a thread that watches, and files to change."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from esg_reload import Files, watch

PATIENCE = 60.0
"""Seconds to wait for events that must happen, on a busy machine."""

DELAY = 0.2
"""Seconds without changes after which the tests get a burst."""


class Watcher:
    """A thread that watches; `next()` is the next burst of changes, `nothing()` whether there is no more."""

    def __init__(self, files: Files, delay: float) -> None:
        self._told: queue.SimpleQueue[tuple[float, tuple[str, ...]]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(files, delay), daemon=True)
        self._thread.start()

    def next(self) -> tuple[str, ...]:
        return self.next_with_time()[1]

    def next_with_time(self) -> tuple[float, tuple[str, ...]]:
        return self._told.get(timeout=PATIENCE)

    def nothing(self, seconds: float = 4 * DELAY) -> bool:
        """Whether no change is reported for some time; that none will be cannot be seen in any other way."""
        time.sleep(seconds)
        return self._told.empty()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _watch(self, files: Files, delay: float) -> None:
        for changed in watch(files, delay=delay, stop=self._stop):
            self._told.put((time.monotonic(), changed))


@contextmanager
def watcher_of(files: Files, delay: float = DELAY) -> Iterator[Watcher]:
    """A watcher that misses no change from now on."""
    watcher = Watcher(files, delay)
    try:
        assert watcher.next() == ()
        yield watcher
    finally:
        watcher.stop()
