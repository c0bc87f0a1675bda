"""One-time events: truthy once they have happened, awaitable before and after. And waiting for a wake-up."""

import asyncio
import gc
import threading
from contextlib import suppress

import pytest

from esg_core.errors import StartupError
from esg_core.waiting import OneTimeEvent, Waiters, unless


async def wait(event: OneTimeEvent) -> str:
    await event
    return "there"


def test_everybody_who_waits_goes_on() -> None:
    async def main() -> list[str]:
        event = OneTimeEvent()
        waiting = [asyncio.create_task(wait(event)) for _ in range(3)]
        await asyncio.sleep(0)
        assert not event
        event.reach()
        event.reach()
        assert event
        return [*await asyncio.gather(*waiting), await wait(event)]

    assert asyncio.run(main()) == ["there"] * 4


def test_who_waits_learns_that_it_will_not_happen() -> None:
    async def main() -> None:
        event = OneTimeEvent()
        waiting = asyncio.create_task(wait(event))
        await asyncio.sleep(0)
        event.fail(StartupError("no port"))
        for late in (waiting, wait(event)):
            with pytest.raises(StartupError, match="no port"):
                await late
        assert not event

    asyncio.run(main())


def test_what_has_happened_cannot_fail() -> None:
    event = OneTimeEvent()
    event.reach()
    event.fail(StartupError("too late"))
    assert asyncio.run(wait(event)) == "there"


def test_cancelling_one_who_waits_harms_no_other() -> None:
    async def main() -> str:
        event = OneTimeEvent()
        impatient, patient = asyncio.create_task(wait(event)), asyncio.create_task(wait(event))
        await asyncio.sleep(0)
        impatient.cancel()
        event.reach()
        return await patient

    assert asyncio.run(main()) == "there"


def test_reached_from_another_thread() -> None:
    """Even before there is a waiter."""

    async def main() -> str:
        event = OneTimeEvent()
        waiting = asyncio.create_task(wait(event))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=event.reach_from_anywhere, args=(loop,))
        thread.start()
        result = await waiting
        thread.join()
        return result

    assert asyncio.run(main()) == "there"
    event = OneTimeEvent()
    event.reach_from_anywhere(None)
    assert asyncio.run(wait(event)) == "there"


def futures() -> int:
    gc.collect()
    return sum(type(one) is asyncio.Future for one in gc.get_objects())


def test_l3_those_that_wait_for_a_moment_only_leave_nothing_behind() -> None:
    """An event stream asks once a second whether the server stops."""

    async def main() -> None:
        waiters = Waiters(asyncio.get_running_loop())
        before = futures()
        for _ in range(100):
            with suppress(TimeoutError):
                async with asyncio.timeout(0):
                    await waiters.wait()
        assert futures() < before + 10
        woken = asyncio.ensure_future(waiters.wait())
        await asyncio.sleep(0)
        waiters.wake()
        await woken

    asyncio.run(main())


def test_unless_prefers_work_that_is_done() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        event = OneTimeEvent()
        event.reach()
        with pytest.raises(ZeroDivisionError):
            await unless(event, work())

    asyncio.run(main())
