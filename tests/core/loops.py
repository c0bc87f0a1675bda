"""Both event loops, for tests that run something in each."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from esg_core.registry import loop_factory

T = TypeVar("T")

LOOPS = ("uvloop", "asyncio")

Run = Callable[[Coroutine[Any, Any, T]], T]


def run_in(loop: str, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a new loop of that kind, and look that it leaves no task behind."""

    async def main() -> T:
        result = await work
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert left == set(), f"left behind: {left}"
        return result

    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(main())
