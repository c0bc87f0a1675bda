"""Waiting without `asyncio.Event`: a future is created only when a task has to wait.

Knows nothing of bytes or protocols. `Waiters` is a list of tasks that wait for the next wake-up; `WriteGate` makes
`send()` wait while the client does not read (rule H-7), controlled by the transport's flow control; `OneTimeEvent`
happens once: a server has started, has to stop, has stopped.
"""

import asyncio
import math
from collections.abc import Coroutine, Generator, Iterable
from typing import Any


def finite(seconds: float) -> float | None:
    """A time as asyncio takes it: None for one without end."""
    return seconds if seconds < math.inf else None


class Waiters:
    """Tasks that wait for the next `wake()`; each has its own future, so cancelling one does not affect the others."""

    __slots__ = ("_futures", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._futures: dict[asyncio.Future[None], None] = {}

    async def wait(self) -> None:
        """Return at the next `wake()`."""
        future = self._loop.create_future()
        self._futures[future] = None
        try:
            await future
        except asyncio.CancelledError:  # there may be many of them before the next `wake()`
            self._futures.pop(future, None)
            raise

    def wake(self) -> None:
        """Wake all tasks that wait now."""
        futures, self._futures = self._futures, {}
        _complete(futures)


class WriteGate:
    """Open or closed; `wait()` returns once it is open. Most gates never close, so they do not hold any waiters."""

    __slots__ = ("_loop", "_waiters", "closed")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiters: Waiters | None = None
        self.closed = False

    def close(self) -> None:
        """Make writers wait, on a protocol's `pause_writing()`."""
        self.closed = True

    def open(self) -> None:
        """Let all writers continue; also called when the connection is lost, so that none waits forever."""
        self.closed = False
        self.nudge()

    async def wait(self) -> None:
        """Wait until the gate is open; returns at once if it is."""
        while self.closed:
            await self.wait_once()

    async def wait_once(self) -> None:
        """Wait until the gate opens, or until `nudge()`."""
        if self._waiters is None:
            self._waiters = Waiters(self._loop)
        await self._waiters.wait()

    def nudge(self) -> None:
        """Let all writers check again whether they have to wait."""
        if self._waiters is not None:
            self._waiters.wake()


class OneTimeEvent:
    """False until `reach()` is called, then true; any number of tasks of one event loop can `await` it.

    `fail()` says that it will never happen: tasks that await it get the error.
    """

    __slots__ = ("_failure", "_reached", "_waiting")

    def __init__(self) -> None:
        self._reached = False
        self._failure: BaseException | None = None
        self._waiting: list[asyncio.Future[None]] = []

    def __bool__(self) -> bool:
        return self._reached

    def __repr__(self) -> str:
        return f"<OneTimeEvent {'reached' if self._reached else 'failed' if self._failure else 'ahead'}>"

    def __await__(self) -> Generator[Any, None, None]:
        if not self._reached:
            yield from self._wait().__await__()

    def reach(self) -> None:
        """It has happened; calling this again changes nothing."""
        self._reached = True
        self._wake()

    def reach_from_anywhere(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """`reach()` for other threads and signal handlers; `loop` is the one in which tasks may wait."""
        self._reached = True
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake)

    def fail(self, error: BaseException) -> None:
        """It can no longer happen; does nothing if it has, and the first error counts."""
        if not self._reached and self._failure is None:
            self._failure = error
            self._wake()

    async def _wait(self) -> None:
        while not self._reached:
            if self._failure is not None:
                raise self._failure
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        _complete(waiting)


async def happened(event: OneTimeEvent) -> None:
    """Return once it has."""
    await event


async def unless(event: OneTimeEvent, work: Coroutine[Any, Any, None]) -> bool:
    """Do `work` and return True; if the event happens first, cancel it and return False."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(happened(event))
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        is_done = working.done()
    finally:
        for task in (waiting, working):
            task.cancel()
        await asyncio.wait({waiting, working})
    if is_done:
        working.result()
    return is_done


def _complete(futures: Iterable["asyncio.Future[None]"]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
