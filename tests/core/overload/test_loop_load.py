"""How busy an event loop is, with each way to measure it (rule A-5)."""

import asyncio
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from esg_core.event_loops import MeasurableLoop, asyncio_loop, uvloop_loop
from esg_core.overload.loop_load import CPUMeter, LibuvMeter, LoopMeter, Reading, SelectorMeter, choose_meter
from tests.support.installed import LOOPS

OURS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"libuv": uvloop_loop, "selector": asyncio_loop}

every_loop = pytest.mark.parametrize("source", OURS if "uvloop" in LOOPS else ["selector"])
about_uvloop = pytest.mark.needs("uvloop")


def run(make: Callable[[], asyncio.AbstractEventLoop], work: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await work()

    with asyncio.Runner(loop_factory=make) as runner:
        return runner.run(main())


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


async def idle() -> None:
    await asyncio.sleep(0.2)


async def spins() -> None:
    for _ in range(10):
        spin(0.02)
        await asyncio.sleep(0)


async def blocks() -> None:
    for _ in range(10):
        time.sleep(0.02)  # noqa: ASYNC251 - that is what is measured
        await asyncio.sleep(0)


async def half() -> None:
    for _ in range(10):
        spin(0.02)
        await asyncio.sleep(0.02)


def measure(make: Callable[[], asyncio.AbstractEventLoop], load: Callable[[], Awaitable[None]]) -> Reading:
    async def work() -> Reading:
        meter = choose_meter(asyncio.get_running_loop())
        await asyncio.sleep(0)
        meter.read()
        await load()
        return meter.read()

    reading = run(make, work)
    assert isinstance(reading, Reading)
    return reading


@every_loop
def test_the_best_way_is_chosen(source: str) -> None:
    async def work() -> str:
        return choose_meter(asyncio.get_running_loop()).source

    assert run(OURS[source], work) == source


def test_the_loop_of_somebody_else_is_measured_by_cpu_time() -> None:
    async def work() -> str:
        return choose_meter(asyncio.get_running_loop()).source

    assert run(asyncio.SelectorEventLoop, work) == "cpu"


@every_loop
def test_an_idle_loop(source: str) -> None:
    assert measure(OURS[source], idle).utilisation < 0.2


@every_loop
@pytest.mark.parametrize("load", [spins, blocks], ids=["spins", "blocks"])
def test_a_saturated_loop(load: Callable[[], Awaitable[None]], source: str) -> None:
    """Even when it is blocked without using its core, which CPU time does not show."""
    assert measure(OURS[source], load).utilisation > 0.95


@every_loop
def test_a_loop_that_is_busy_half_of_the_time(source: str) -> None:
    """Other processes may take the core away, which makes both halves longer."""
    assert 0.25 < measure(OURS[source], half).utilisation < 0.9


@every_loop
def test_the_length_of_a_turn(source: str) -> None:
    reading = measure(OURS[source], spins)
    assert reading.turn is not None
    assert 0.005 < reading.turn < 0.2


@every_loop
def test_a_reading_counts_from_the_one_before(source: str) -> None:
    async def work() -> list[float]:
        meter = choose_meter(asyncio.get_running_loop())
        readings = []
        for load in (spins, idle, blocks):
            await asyncio.sleep(0)
            meter.read()
            await load()
            readings.append(meter.read().utilisation)
        return readings

    busy, idling, busy_again = run(OURS[source], work)
    assert (busy > 0.95, idling < 0.2, busy_again > 0.95) == (True, True, True)


@every_loop
def test_a_loop_that_waits_for_sockets(source: str) -> None:
    async def work() -> float:
        loop = asyncio.get_running_loop()
        meter = choose_meter(loop)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            loop.call_later(0.1, theirs.send, b"x")
            meter.read()
            await loop.sock_recv(ours, 1)
        return meter.read().utilisation

    assert run(OURS[source], work) < 0.3


def test_cpu_time_as_the_last_resort() -> None:
    meter = CPUMeter()
    time.sleep(0.1)
    resting = meter.read()
    assert resting.utilisation < 0.3
    assert resting.turn is None
    spin(0.1)
    assert meter.read().utilisation > resting.utilisation


def test_two_readings_at_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    meter, now = CPUMeter(), time.monotonic()
    monkeypatch.setattr("esg_core.overload.loop_load.time.monotonic", lambda: now)
    meter.read()
    assert meter.read() == Reading(0.0, None)


@about_uvloop
@pytest.mark.parametrize("missing", ["uv_metrics_idle_time", "uv_loop_configure"])
def test_a_build_of_uvloop_that_hides_its_library(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    class Hidden(ctypes.PyDLL):
        def __getattr__(self, name: str) -> Any:
            if name == missing:
                raise AttributeError(name)
            return super().__getattr__(name)

    monkeypatch.setattr(ctypes, "PyDLL", Hidden)

    async def work() -> LoopMeter:
        return choose_meter(asyncio.get_running_loop())

    assert isinstance(run(uvloop_loop, work), CPUMeter)


@about_uvloop
def test_without_ctypes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)

    async def work() -> str:
        return choose_meter(asyncio.get_running_loop()).source

    assert run(uvloop_loop, work) == "cpu"


def test_nobody_measures_until_it_is_asked_for() -> None:
    """L-5: the selector of a loop that is not measured is the platform's own."""

    async def work() -> tuple[bool, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, MeasurableLoop)
        await asyncio.sleep(0.01)
        before = loop.timing.turns
        has_its_own = "select" in vars(loop.timing)
        SelectorMeter(loop)
        await asyncio.sleep(0.01)
        return has_its_own or before != 0, loop.timing.idle

    measured_before, idle_time = run(asyncio_loop, work)
    assert not measured_before
    assert idle_time > 0.005


@about_uvloop
def test_libuv_tells_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    class Refusing(ctypes.PyDLL):
        def __getattr__(self, name: str) -> Any:
            if name == "uv_loop_configure":
                return Failing()
            return super().__getattr__(name)

    class Failing:
        argtypes: Any = None

        def __call__(self, *_arguments: object) -> int:
            return -38

    monkeypatch.setattr(ctypes, "PyDLL", Refusing)

    async def work() -> str:
        with pytest.raises(OSError, match="libuv does not measure idle time"):
            LibuvMeter(asyncio.get_running_loop())
        return choose_meter(asyncio.get_running_loop()).source

    assert run(uvloop_loop, work) == "cpu"


@every_loop
def test_m1_busy_time_and_turns_only_grow(source: str) -> None:
    """Also beside a second meter of the same loop, which reads as often as it likes."""

    async def work() -> None:
        other = choose_meter(asyncio.get_running_loop())
        meter = choose_meter(asyncio.get_running_loop())
        await asyncio.sleep(0.05)
        waited = meter.totals()
        other.read()
        spin(0.1)
        await asyncio.sleep(0)
        other.read()
        worked = meter.totals()
        assert waited.busy < 0.05
        assert 0.09 < worked.busy - waited.busy < 0.5
        assert worked.turns > waited.turns > 0

    run(OURS[source], work)
