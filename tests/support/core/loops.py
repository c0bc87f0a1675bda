"""Both event loops, for tests that run something in each."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from esg_core.plugins import loop_factory

T = TypeVar("T")


class Turns:
    """Counts the turns of the running loop, from now until `stop()`; the first thing in each."""

    def __init__(self) -> None:
        self.number = 0
        self._loop = asyncio.get_running_loop()
        self._count()

    def stop(self) -> None:
        self._counting.cancel()

    def _count(self) -> None:
        self.number += 1
        self._counting = self._loop.call_soon(self._count)


@contextmanager
def busy(seconds: float) -> Iterator[None]:
    """Keep the running loop busy for so long in each turn, until the `with` block ends."""
    loop = asyncio.get_running_loop()

    next_turns: list[asyncio.Handle] = []

    def work() -> None:
        next_turns[:] = [loop.call_soon(work)]
        time.sleep(seconds)

    next_turns.append(loop.call_soon(work))
    try:
        yield
    finally:
        next_turns[0].cancel()


async def until(condition: Callable[[], object]) -> None:
    """Return once a condition holds that cannot be awaited: on a log, on another thread."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


async def _end_transports(loop: asyncio.AbstractEventLoop) -> None:
    """Abort a closed transport that still waits for the other side: asyncio would blame the next test for it."""
    for transport in list(getattr(loop, "_transports", {}).values()):
        if getattr(transport, "_sock", None) is None:  # it has ended already, and cannot take another end
            continue
        transport.abort()
        await asyncio.sleep(0)


def run_in(loop: str, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a new loop of that kind, and check that it leaves no task behind."""

    async def main() -> T:
        result = await work
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert left == set(), f"left behind: {left}"
        await _end_transports(asyncio.get_running_loop())
        return result

    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(main())
