"""The loop whose clock a test moves by hand."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from esg_core.testing import ManualLoop


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    with ManualLoop() as loop:
        yield loop


def test_the_clock_stands_still_until_it_is_moved(loop: ManualLoop) -> None:
    assert loop.time() == 1000.0
    loop.settle()
    assert loop.time() == 1000.0
    loop.advance(2.5)
    assert loop.time() == 1002.5


def test_it_does_not_run_backwards(loop: ManualLoop) -> None:
    with pytest.raises(ValueError, match="backwards"):
        loop.advance(-1)


def test_settle_runs_all_that_follows_from_what_is_due(loop: ManualLoop) -> None:
    calls: list[int] = []

    def call(depth: int) -> None:
        calls.append(depth)
        if depth < 100:
            loop.call_soon(call, depth + 1)

    loop.call_soon(call, 1)
    loop.settle()
    assert calls == list(range(1, 101))


def test_timers_run_at_their_own_time_and_in_their_order(loop: ManualLoop) -> None:
    seen: list[tuple[str, float]] = []
    loop.call_later(0.3, lambda: seen.append(("later", loop.time())))
    loop.call_later(0.1, lambda: seen.append(("first", loop.time())))
    loop.call_later(5, lambda: seen.append(("not yet", loop.time())))
    loop.advance(1)
    assert [name for name, _ in seen] == ["first", "later"]
    assert [time for _, time in seen] == pytest.approx([1000.1, 1000.3])
    loop.advance(4)
    assert seen[-1][0] == "not yet"
    assert seen[-1][1] == pytest.approx(1005.0)


def test_what_a_timer_of_the_last_moment_starts_is_run_too(loop: ManualLoop) -> None:
    seen: list[str] = []
    loop.call_later(1, loop.call_soon, seen.append, "follows")
    loop.advance(1)
    assert seen == ["follows"]


def test_a_timer_set_meanwhile_is_kept_too(loop: ManualLoop) -> None:
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(loop.time())
        loop.call_later(0.25, tick)

    tick()
    loop.advance(60)
    assert len(ticks) == 241


def test_run_until_complete_moves_the_clock_as_far_as_it_takes(loop: ManualLoop) -> None:
    loop.run_until_complete(asyncio.sleep(3600))
    assert loop.time() == pytest.approx(4600.0)


def test_a_task_runs_while_the_clock_is_moved(loop: ManualLoop) -> None:
    async def wait() -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await loop.create_future()
        return "timed out"

    task = loop.create_task(wait())
    loop.advance(29)
    assert not task.done()
    loop.advance(1)
    assert task.result() == "timed out"


def test_waiting_for_ever_is_an_error(loop: ManualLoop) -> None:
    with pytest.raises(RuntimeError, match="nothing can wake the loop"):
        loop.run_until_complete(loop.create_future())


def test_threads_are_not_waited_for(loop: ManualLoop) -> None:
    assert loop.run_until_complete(asyncio.to_thread(divmod, 7, 3)) == (2, 1)
    with pytest.raises(ZeroDivisionError):
        loop.run_until_complete(asyncio.to_thread(divmod, 7, 0))


def test_descriptors_are_noticed_when_they_are_ready(loop: ManualLoop) -> None:
    mine, other = socket.socketpair()
    with mine, other:
        received: list[bytes] = []
        loop.add_reader(mine, lambda: received.append(mine.recv(10)))
        loop.settle()
        assert received == []
        other.send(b"ping")
        loop.settle()
        assert received == [b"ping"]
        loop.remove_reader(mine)


def test_leaving_cancels_what_still_runs_and_closes() -> None:
    cancelled: list[bool] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with ManualLoop() as loop:
        task = loop.create_task(wait())
        loop.settle()
    assert cancelled == [True]
    assert task.cancelled()
    assert loop.is_closed()
