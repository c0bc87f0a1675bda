"""How busy an event loop is: the share of time it spends outside its poll for events (rule A-5).

That is not CPU time: a loop that is blocked in a system call, or waits for the interpreter or for its core, is busy.
Three ways to know, of which `choose_meter()` takes the best that the loop allows; each is read once a window and costs
nothing per request. `libuv`: the time that uvloop's library itself notes it was idle. `selector`: the time in the
selector of an asyncio loop that ESG made. `cpu`: the CPU time of the thread, which sees no blocking call and too little
on a core that is shared; all that is left for a loop that somebody else made.
"""

import asyncio
import sys
import time
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from esg_core.event_loops import MeasurableLoop

UV_METRICS_IDLE_TIME = 1
"""An option of `uv_loop_configure()`: note the time spent waiting."""

NANOSECOND = 1e-9


class Reading(NamedTuple):
    """What happened since the last reading."""

    utilisation: float
    """0 to 1."""

    turn: float | None
    """Mean length of one busy turn in seconds, if the loop counts its turns."""


class LoopMeter(Protocol):
    """Measures one loop, from the moment it is made; belongs to the thread of the loop."""

    source: str
    """How it knows: `libuv`, `selector` or `cpu`."""

    def read(self) -> Reading:
        """What happened since the last reading."""


def choose_meter(loop: asyncio.AbstractEventLoop) -> LoopMeter:
    """The best meter for this loop, to be called in its thread."""
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
    """The wall time and the idle time since the last look."""

    __slots__ = ("_idle", "_turns", "_wall")

    def __init__(self, wall: float, idle: float, turns: int) -> None:
        self._wall, self._idle, self._turns = wall, idle, turns

    def next(self, wall: float, idle: float, turns: int) -> Reading:
        """The reading up to now, from which the next one counts on."""
        elapsed, waited, turned = wall - self._wall, idle - self._idle, turns - self._turns
        self._wall, self._idle, self._turns = wall, idle, turns
        if elapsed <= 0:
            return Reading(0.0, None)
        busy = min(max(elapsed - waited, 0.0), elapsed)
        return Reading(busy / elapsed, busy / turned if turned else None)


class LibuvMeter:
    """uvloop, by libuv's own metrics: functions that uvloop has no names for, but exports.

    Raises `ImportError`, `AttributeError` or `OSError` where they cannot be reached. Measuring makes libuv look for
    events once more before it waits, which cannot be undone for this loop.
    """

    source = "libuv"

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        import ctypes

        module: Any = import_module("uvloop.loop")  # which has more than its stubs tell
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
        """As `LoopMeter`."""
        return self._interval.next(*self._now())

    def _now(self) -> tuple[float, float, int]:
        self._info(self._uv_loop, self._figures)
        return time.monotonic(), self._idle_time(self._uv_loop) * NANOSECOND, self._figures[0]


def _pointer(capsule: Any) -> int:
    """What a capsule without a name points to."""
    import ctypes

    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.argtypes, get_pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    return int(get_pointer(capsule, None))


class SelectorMeter:
    """An asyncio loop whose selector notes how long it waits."""

    source = "selector"

    def __init__(self, loop: MeasurableLoop) -> None:
        self._timing = loop.timing
        self._timing.start_timing()
        self._interval = _Interval(*self._now())

    def read(self) -> Reading:
        """As `LoopMeter`."""
        return self._interval.next(*self._now())

    def _now(self) -> tuple[float, float, int]:
        return time.monotonic(), self._timing.idle, self._timing.turns


class CPUMeter:
    """Any loop, by the CPU time of its thread."""

    source = "cpu"

    def __init__(self) -> None:
        self._interval = _Interval(*self._now())

    def read(self) -> Reading:
        """As `LoopMeter`."""
        return self._interval.next(*self._now())

    def _now(self) -> tuple[float, float, int]:
        wall = time.monotonic()
        return wall, wall - time.thread_time(), 0
