"""Keeps refusals from filling the log: of many notices in a row, one every ten seconds is due."""

import math
from collections.abc import Callable

INTERVAL = 10.0
"""Seconds."""


class Notices:
    """One kind of notice; `time` is the loop's."""

    __slots__ = ("_next", "_time")

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._next = -math.inf

    def is_due(self) -> bool:
        """Whether to log the next one."""
        now = self._time()
        if now < self._next:
            return False
        self._next = now + INTERVAL
        return True
