"""M-5: what is said of tasks that wait for each other, as far as the interpreter knows it."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from esg_core.monitoring.inspection import task_stacks

pytestmark = [
    pytest.mark.everywhere,
    pytest.mark.skipif(
        sys.version_info < (3, 14) or sys.implementation.name != "cpython", reason="asyncio knows it from 3.14 on"
    ),
]


async def stacks_while(*tasks: asyncio.Task[None]) -> dict[str, str]:
    """The stacks of these tasks once they wait; afterwards they are cancelled."""
    for _ in range(5):
        await asyncio.sleep(0)
    stacks = {one["name"]: one["stack"] for one in task_stacks(asyncio.get_running_loop())}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return stacks


async def group() -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.Event().wait(), name="inner")


async def gathering() -> None:
    await asyncio.gather(asyncio.create_task(asyncio.Event().wait(), name="inner"), asyncio.Event().wait())


@pytest.mark.parametrize("waiting", [group, gathering])
def test_m5_a_task_names_those_that_wait_for_it(waiting: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def main() -> dict[str, str]:
        return await stacks_while(asyncio.create_task(waiting(), name="outer"))

    stacks = asyncio.run(main())
    assert stacks["inner"].endswith("  awaited by outer\n")
    assert "awaited by" not in stacks["outer"]


def test_m5_tasks_that_wait_for_each_other_do_no_harm() -> None:
    async def wait_for(tasks: dict[str, asyncio.Task[None]], name: str) -> None:
        await asyncio.shield(tasks[name])

    async def main() -> dict[str, str]:
        tasks: dict[str, asyncio.Task[None]] = {}
        tasks["one"] = asyncio.create_task(wait_for(tasks, "two"), name="one")
        tasks["two"] = asyncio.create_task(wait_for(tasks, "one"), name="two")
        return await stacks_while(*tasks.values())

    stacks = asyncio.run(main())
    assert stacks["one"].endswith("  awaited by two\n")
    assert stacks["two"].endswith("  awaited by one\n")
