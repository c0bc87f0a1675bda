"""Where a coroutine stands, in one line for the log (rule H-24)."""

import asyncio
from collections.abc import Coroutine

from esg_core.calls.frames import innermost


async def outer() -> None:
    await inner()


async def inner() -> None:
    await asyncio.get_running_loop().create_future()


async def deep(levels: int) -> None:
    if levels:
        await deep(levels - 1)
    await asyncio.get_running_loop().create_future()


def stand_of_task(coroutine: Coroutine[object, None, None]) -> str:
    async def look() -> str:
        task = asyncio.ensure_future(coroutine)
        await asyncio.sleep(0)
        said = innermost(task.get_coro())
        task.cancel()
        await asyncio.wait([task])
        return said

    return asyncio.run(look())


def test_the_innermost_frame_comes_first() -> None:
    names = [part.split(" in ")[0] for part in stand_of_task(outer()).split(", called by ")]
    assert names == ["inner()", "outer()"]


def test_only_a_few_frames_are_named() -> None:
    said = stand_of_task(deep(50))
    assert said.count("deep() in test_frames.py:") == 5


def test_what_has_ended_stands_nowhere() -> None:
    coroutine = outer()
    coroutine.close()
    assert innermost(coroutine) == ""
