"""An event loop whose clock stands still until it is told to move.

A real asyncio loop with two public hooks: `time()` returns the loop's own clock, and its selector never sleeps. The
loop asks the selector to sleep exactly when there is nothing to do before the next timer; then the clock is moved, or
control returns to the test. So a test that waits a minute takes no time and always gives the same result.
"""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from types import TracebackType
from typing import Self, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

ROUNDING = 1e-9
"""Seconds by which a sum of times may miss the timer that it was computed for."""


class _SleeplessSelector(selectors.DefaultSelector):
    """Polls without waiting, and reports each time that it was asked to wait."""

    def __init__(self, on_sleep: Callable[[float | None], None]) -> None:
        super().__init__()
        self._on_sleep = on_sleep

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and (timeout is None or timeout > 0):
            self._on_sleep(timeout)
        return events


class ManualLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop with a clock that a test moves.

    From outside the loop, `settle()` runs everything that is due now, and `advance(seconds)` everything that becomes
    due in that time, each timer at its own time. `run_until_complete()` moves the clock from timer to timer for as long
    as it takes, and raises `RuntimeError` instead of waiting forever when nothing could wake the loop.

    Functions passed to `run_in_executor()` are called at once, in the loop's own thread. As a context manager, the loop
    cancels the remaining tasks and closes itself.
    """

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._until: float | None = None
        super().__init__(_SleeplessSelector(self._idle))

    def time(self) -> float:
        """Seconds on the manual clock."""
        return self._now

    def settle(self) -> None:
        """Run until nothing is left to do at the current time."""
        self.advance(0)

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`, running what becomes due; raises `ValueError` if negative."""
        if seconds < 0:
            raise ValueError("the clock does not run backwards")
        self._until = self._now + seconds
        try:
            self.run_forever()
        finally:
            self._until = None

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Call `func` now; the returned future has its result or exception."""
        del executor
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as exc:  # noqa: BLE001 - it belongs to the caller that awaits the future
            future.set_exception(exc)
        return future

    def _idle(self, timeout: float | None) -> None:
        """Called when the loop would sleep for `timeout` seconds (None: until something happens)."""
        if self._until is None:
            if timeout is None:
                raise RuntimeError("nothing can wake the loop: no timer is set, no callback is due")
            self._now += timeout
        elif timeout is not None and self._now + timeout <= self._until + ROUNDING:
            self._now += timeout
        else:
            self._now = self._until
            self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        self.settle()
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()
