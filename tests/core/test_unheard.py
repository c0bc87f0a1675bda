"""Messages to clients that have gone, without any protocol (H-21), and the errors that applications make of them."""

import asyncio
import gc
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from esg_core.errors import ClientDisconnected, tells_of_disconnect
from esg_core.testing import ManualLoop
from esg_core.unheard import AT_ONCE, FORGET, GRACE, Unheard


class ClientDisconnect(Exception):
    """As frameworks have one."""


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "tells"),
    [
        (ClientDisconnected(), True),
        (ClientDisconnect(), True),
        (caused(RuntimeError(), ClientDisconnected()), True),
        (ExceptionGroup("", [ClientDisconnect(), ExceptionGroup("", [ClientDisconnected()])]), True),
        (ExceptionGroup("", [ClientDisconnect(), ValueError()]), False),
        (caused(RuntimeError(), ValueError()), False),
        (OSError(), False),
        (ConnectionResetError(), False),
    ],
    ids=repr,
)
def test_errors_that_tell_of_a_disconnect(error: BaseException, tells: bool) -> None:
    assert tells_of_disconnect(error) is tells


def test_each_message_takes_a_moment_after_the_first_few() -> None:
    """H-21: so that no sender keeps the loop to itself."""
    times: list[float] = []

    async def send() -> None:
        unheard = Unheard()
        while True:
            await unheard.take(GRACE)
            times.append(loop.time())

    with ManualLoop() as loop, pytest.raises(ClientDisconnected):
        loop.run_until_complete(send())
    assert len(set(times[:AT_ONCE])) == 1
    later = times[AT_ONCE:]
    assert all(before < after for before, after in pairwise(later))


@pytest.mark.needs("reference counting")
def test_a_generator_is_closed_although_its_senders_error_is_kept() -> None:
    """As anyio keeps it, in a frame of its own traceback: without the garbage collector."""
    closed: list[float] = []

    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"part"
        finally:
            closed.append(loop.time())

    async def send() -> None:
        unheard, generator = Unheard(), parts()
        async for _ in generator:
            await unheard.take(GRACE)

    def keep(task: asyncio.Task[None]) -> None:
        try:
            task.result()
        except asyncio.CancelledError as error:
            kept = error  # noqa: F841 - a circle: the error, its traceback, this frame

    gc.disable()
    try:
        with ManualLoop() as loop:
            task = loop.create_task(send())
            task.add_done_callback(keep)
            loop.advance(0.5)
            task.cancel()
            del task
            began = loop.time()
            loop.advance(1)
            assert closed == [pytest.approx(began + FORGET)]
    finally:
        gc.enable()
