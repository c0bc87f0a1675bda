"""By how much an event loop is late: the worst of the last two windows, so that several readers see the same.

Pure; times are in seconds, from whatever moment.
"""

import math

WINDOW = 15.0
"""Seconds."""


class WorstLag:
    """The worst lag of this window, and of the one before."""

    __slots__ = ("_began", "_now", "_was")

    def __init__(self) -> None:
        self._began = -math.inf
        self._now = self._was = 0.0

    def note(self, lag: float, now: float) -> None:
        """A timer was late by so many seconds."""
        age = now - self._began
        if age >= WINDOW:
            self._was = self._now if age < 2 * WINDOW else 0.0
            self._now = 0.0
            self._began = now
        self._now = max(self._now, lag)

    def worst(self, now: float) -> float:
        """The worst of the last windows."""
        age = now - self._began
        if age >= 2 * WINDOW:
            return 0.0
        return self._now if age >= WINDOW else max(self._now, self._was)
