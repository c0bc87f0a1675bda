"""A heartbeat: a call that is repeated for as long as the event loop runs.

A server has none (rule L-5) unless a supervisor outside needs to know that it is not stuck.
"""

import asyncio
from collections.abc import Callable


class Heartbeat:
    """Calls `beat` now and then every `period` seconds, from the event loop, until `stop()`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, period: float, beat: Callable[[], None]) -> None:
        self._loop = loop
        self._period = period
        self._beat = beat
        self._go_on()

    def stop(self) -> None:
        """Stop calling `beat`; may be called twice."""
        self._timer.cancel()

    def _go_on(self) -> None:
        self._timer = self._loop.call_later(self._period, self._go_on)
        self._beat()
