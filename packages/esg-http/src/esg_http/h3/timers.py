"""One timer of the event loop for all QUIC connections of an endpoint.

Knows no protocol. QUIC moves its timers with almost every packet, so a timer that has moved later stays in the heap
where it is, and is looked at again when it comes up.
"""

import asyncio
import heapq
import math
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """What has a timer."""

    timer: float
    """Loop time at which it is due; `inf` for never."""

    queued: list[float]
    """Owned by `Timers`: the times of its places in the heap, the earliest last."""


T = TypeVar("T", bound=Timed)


class Timers(Generic[T]):
    """Calls `expire(timed, now)`, which sets the timer anew, for what is due in one loop."""

    __slots__ = ("_count", "_expire", "_handle", "_heap", "_loop", "_wakes_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[T, float], None]) -> None:
        self._loop = loop
        self._expire = expire
        self._heap: list[tuple[float, int, T]] = []
        self._count = 0
        self._handle: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf

    def put(self, timed: T) -> None:
        """Take notice of the timer of `timed`, which may have moved."""
        if timed.timer < (timed.queued[-1] if timed.queued else math.inf):
            timed.queued.append(timed.timer)
            self._count += 1
            heapq.heappush(self._heap, (timed.timer, self._count, timed))
            self._arm()

    def close(self) -> None:
        """Forget everything."""
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle, self._wakes_at = None, math.inf

    def _arm(self) -> None:
        """Wake at the first time in the heap, if not before."""
        if not self._heap or self._heap[0][0] >= self._wakes_at:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._wakes_at = self._heap[0][0]
        self._handle = self._loop.call_at(self._wakes_at, self._wake)

    def _wake(self) -> None:
        self._handle, self._wakes_at = None, math.inf
        now = self._loop.time()
        try:
            while self._heap and self._heap[0][0] <= now:
                timed = heapq.heappop(self._heap)[2]
                timed.queued.pop()
                if timed.timer <= now:
                    self._expire(timed, now)
                self.put(timed)
        finally:
            self._arm()
