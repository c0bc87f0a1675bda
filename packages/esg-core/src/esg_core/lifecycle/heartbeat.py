"""A sign of life: something that is told again and again for as long as the event loop turns.

A server has none (rule L-5) unless somebody outside wants to know that it is not stuck.
"""

import asyncio
from collections.abc import Callable


class Heartbeat:
    """Calls `beat` at once and then every `period` seconds, from the event loop, until `stop()`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, period: float, beat: Callable[[], None]) -> None:
        self._loop = loop
        self._period = period
        self._beat = beat
        self._go_on()

    def stop(self) -> None:
        """May be called again."""
        self._timer.cancel()

    def _go_on(self) -> None:
        self._timer = self._loop.call_later(self._period, self._go_on)
        self._beat()
