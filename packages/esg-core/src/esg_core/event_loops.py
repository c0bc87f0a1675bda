"""Creates event loops: the entry points of the group `esg.loop`."""

import asyncio
import selectors
import sys
import time


class TimingSelector(selectors.DefaultSelector):
    """The selector of the platform, which can measure how long it waits.

    `idle` is the seconds spent waiting and `turns` the number of turns of the loop, both since `start_timing()`; before
    that, nothing is counted and measuring costs nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.idle = 0.0
        self.turns = 0

    def start_timing(self) -> None:
        """Count from now on."""
        # An attribute of the instance shadows the method of the class: unmeasured loops have no additional frame.
        vars(self)["select"] = self._timed_select

    def _timed_select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.turns += 1
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        began = time.monotonic()
        events = super().select(timeout)
        self.idle += time.monotonic() - began
        return events


class MeasurableLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, with a selector that can measure its waiting: `timing`."""

    def __init__(self) -> None:
        self.timing = TimingSelector()
        super().__init__(self.timing)


def asyncio_loop() -> asyncio.AbstractEventLoop:
    """Create a loop of the standard library, whatever event loop policy is set."""
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop()
    return MeasurableLoop()


def uvloop_loop() -> asyncio.AbstractEventLoop:
    """Create a loop of uvloop, which uses libuv."""
    import uvloop

    return uvloop.new_event_loop()
