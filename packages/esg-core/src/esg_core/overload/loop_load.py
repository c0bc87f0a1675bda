"""How busy an event loop is: the fraction of time it spends outside its poll for events (rule A-5).

That is not CPU time: a loop that is blocked in a system call, or waits for the interpreter or for its core, is busy.
There are three meters, of which `choose_meter()` takes the best that the loop allows; each is read once per window and
costs nothing per request. `libuv`: the idle time that uvloop's library records itself. `selector`: the time in the
selector of an asyncio loop that ESG created. `cpu`: the CPU time of the thread, the only one for any other loop; it
misses blocking calls, and sees too little on a shared core.
"""

import asyncio
import sys
import time
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from esg_core.event_loops import MeasurableLoop
from esg_core.figures.contracts import LoopTotals, TotalsMeter

UV_METRICS_IDLE_TIME = 1
"""An option of `uv_loop_configure()`: record the time spent waiting."""

NANOSECOND = 1e-9


class Reading(NamedTuple):
    """What happened since the last reading."""

    utilisation: float
    """0 to 1."""

    turn: float | None
    """Mean length of a busy turn in seconds; None if the loop does not count its turns."""


class LoopMeter(Protocol):
    """Measures one loop, from the meter's creation on; belongs to the loop's thread."""

    source: str
    """What it measures by: `libuv`, `selector` or `cpu`."""

    def read(self) -> Reading:
        """What happened since the last reading."""


def choose_meter(loop: asyncio.AbstractEventLoop) -> "LibuvMeter | SelectorMeter | CPUMeter":
    """The best meter for this loop; call it in the loop's thread."""
    if isinstance(loop, MeasurableLoop):
        return SelectorMeter(loop)
    uvloop = sys.modules.get("uvloop")
    if uvloop is not None and isinstance(loop, uvloop.Loop):
        try:
            return LibuvMeter(loop)
        except (ImportError, AttributeError, OSError):
            pass  # a build of uvloop that hides libuv's symbols, or an interpreter without ctypes
    return CPUMeter()


class _Interval:
    """Wall time and idle time since the last reading, and since the first."""

    __slots__ = ("_first", "_idle", "_turns", "_wall")

    def __init__(self, wall: float, idle: float, turns: int) -> None:
        self._first = (wall, idle, turns)
        self._wall, self._idle, self._turns = wall, idle, turns

    def totals(self, wall: float, idle: float, turns: int) -> LoopTotals:
        """What happened up to now."""
        first_wall, first_idle, first_turns = self._first
        return LoopTotals(max(0.0, wall - first_wall - (idle - first_idle)), turns - first_turns)

    def next(self, wall: float, idle: float, turns: int) -> Reading:
        """The reading up to now; the next one starts here."""
        elapsed, waited, turned = wall - self._wall, idle - self._idle, turns - self._turns
        self._wall, self._idle, self._turns = wall, idle, turns
        if elapsed <= 0:
            return Reading(0.0, None)
        busy = min(max(elapsed - waited, 0.0), elapsed)
        return Reading(busy / elapsed, busy / turned if turned else None)


class LibuvMeter(LoopMeter, TotalsMeter):
    """uvloop, by libuv's own metrics: functions that uvloop does not wrap, but exports.

    Raises `ImportError`, `AttributeError` or `OSError` if they cannot be reached. Measuring makes libuv poll once more
    before it waits, which cannot be undone for this loop.
    """

    source = "libuv"

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        import ctypes

        module: Any = import_module("uvloop.loop")  # which has more than its stubs say
        library = ctypes.PyDLL(module.__file__)
        self._uv_loop = _pointer(module.libuv_get_loop_t_ptr(loop))
        self._idle_time = library.uv_metrics_idle_time
        self._idle_time.argtypes, self._idle_time.restype = [ctypes.c_void_p], ctypes.c_uint64
        self._info = library.uv_metrics_info
        self._info.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64)]
        self._figures: ctypes.Array[ctypes.c_uint64] = (ctypes.c_uint64 * 16)()
        configure = library.uv_loop_configure
        configure.argtypes = [ctypes.c_void_p, ctypes.c_int]
        if configure(self._uv_loop, UV_METRICS_IDLE_TIME):
            raise OSError("libuv does not measure idle time")
        self._interval = _Interval(*self._now())

    def read(self) -> Reading:
        return self._interval.next(*self._now())

    def totals(self) -> LoopTotals:
        return self._interval.totals(*self._now())

    def _now(self) -> tuple[float, float, int]:
        self._info(self._uv_loop, self._figures)
        return time.monotonic(), self._idle_time(self._uv_loop) * NANOSECOND, self._figures[0]


def _pointer(capsule: Any) -> int:
    """What a capsule without a name points to."""
    import ctypes

    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.argtypes, get_pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    return int(get_pointer(capsule, None))


class SelectorMeter(LoopMeter, TotalsMeter):
    """An asyncio loop whose selector records how long it waits."""

    source = "selector"

    def __init__(self, loop: MeasurableLoop) -> None:
        self._timing = loop.timing
        self._timing.start_timing()
        self._interval = _Interval(*self._now())

    def read(self) -> Reading:
        return self._interval.next(*self._now())

    def totals(self) -> LoopTotals:
        return self._interval.totals(*self._now())

    def _now(self) -> tuple[float, float, int]:
        return time.monotonic(), self._timing.idle, self._timing.turns


class CPUMeter(LoopMeter, TotalsMeter):
    """Any loop, by the CPU time of its thread."""

    source = "cpu"

    def __init__(self) -> None:
        self._interval = _Interval(*self._now())

    def read(self) -> Reading:
        return self._interval.next(*self._now())

    def totals(self) -> LoopTotals:
        return self._interval.totals(*self._now())

    def _now(self) -> tuple[float, float, int]:
        wall = time.monotonic()
        return wall, wall - time.thread_time(), 0
