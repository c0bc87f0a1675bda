"""Milestones: truthy once reached, awaitable before and after."""

import asyncio
import threading

import pytest

from esg_core.errors import StartupError
from esg_core.waiting import OneTimeEvent


async def wait(milestone: OneTimeEvent) -> str:
    await milestone
    return "there"


def test_everybody_who_waits_goes_on() -> None:
    async def main() -> list[str]:
        milestone = OneTimeEvent()
        waiting = [asyncio.create_task(wait(milestone)) for _ in range(3)]
        await asyncio.sleep(0)
        assert not milestone
        milestone.reach()
        milestone.reach()
        assert milestone
        return [*await asyncio.gather(*waiting), await wait(milestone)]

    assert asyncio.run(main()) == ["there"] * 4


def test_who_waits_learns_that_it_will_not_happen() -> None:
    async def main() -> None:
        milestone = OneTimeEvent()
        waiting = asyncio.create_task(wait(milestone))
        await asyncio.sleep(0)
        milestone.fail(StartupError("no port"))
        for late in (waiting, wait(milestone)):
            with pytest.raises(StartupError, match="no port"):
                await late
        assert not milestone

    asyncio.run(main())


def test_what_has_happened_cannot_fail() -> None:
    milestone = OneTimeEvent()
    milestone.reach()
    milestone.fail(StartupError("too late"))
    assert asyncio.run(wait(milestone)) == "there"


def test_cancelling_one_who_waits_harms_no_other() -> None:
    async def main() -> str:
        milestone = OneTimeEvent()
        impatient, patient = asyncio.create_task(wait(milestone)), asyncio.create_task(wait(milestone))
        await asyncio.sleep(0)
        impatient.cancel()
        milestone.reach()
        return await patient

    assert asyncio.run(main()) == "there"


def test_reached_from_another_thread() -> None:
    """Also before anybody waits."""

    async def main() -> str:
        milestone = OneTimeEvent()
        waiting = asyncio.create_task(wait(milestone))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=milestone.reach_from_anywhere, args=(loop,))
        thread.start()
        result = await waiting
        thread.join()
        return result

    assert asyncio.run(main()) == "there"
    milestone = OneTimeEvent()
    milestone.reach_from_anywhere(None)
    assert asyncio.run(wait(milestone)) == "there"
