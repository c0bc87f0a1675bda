"""How the limit of running requests follows the load (rule A-4); pure, and replaceable.

Once per window, a policy learns how busy the event loop was and how many requests ran at most, and says how many may
run from now on. This one is additive increase, multiplicative decrease: up by the square root, down by a tenth. A limit
that the requests do not come near is not the reason for the load, so it is not cut: otherwise other work (a background
task, a neighbour on the same core) would drive it down to the minimum.
"""

import math
from typing import NamedTuple, Protocol


class Window(NamedTuple):
    """What was measured in one window."""

    utilisation: float
    """The fraction of the time, 0 to 1, in which the event loop was busy."""

    turn: float | None
    """Mean length of a busy turn of the loop in seconds; None if it is unknown."""

    peak: int
    """The highest number of requests that ran at once."""

    limit: int
    """How many were allowed to run."""


class Policy(Protocol):
    """Decides on the limit; may keep state between windows."""

    def on_window(self, window: Window) -> int:
        """How many requests may run from now on."""


class AIMD(Policy):
    """Additive increase, multiplicative decrease, between `min_limit` and `max_limit`.

    A window with a utilisation of `elu_max` or more is overloaded. The first cut of an overload starts from what ran,
    not from a limit that was never reached: that saves dozens of windows.
    """

    __slots__ = ("_elu_max", "_has_cut", "_max_limit", "_min_limit")

    def __init__(self, min_limit: int, max_limit: int, elu_max: float) -> None:
        self._min_limit = min_limit
        self._max_limit = max_limit
        self._elu_max = elu_max
        self._has_cut = False

    def on_window(self, window: Window) -> int:
        if window.utilisation < self._elu_max:
            self._has_cut = False
            return min(self._max_limit, window.limit + _ceil_of_root(window.limit))
        if 2 * window.peak < window.limit:
            return window.limit
        base = window.limit if self._has_cut else min(window.limit, window.peak)
        self._has_cut = True
        return max(self._min_limit, base * 9 // 10)


def _ceil_of_root(number: int) -> int:
    return math.isqrt(number - 1) + 1
