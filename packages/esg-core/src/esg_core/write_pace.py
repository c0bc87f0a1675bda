"""Judges whether a client reads what is written to it, and fast enough (rule H-17, timeout-write).

Sans-I/O: it is told how many bytes have moved, and when.
"""

import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from esg_core.options.config import Config

LOOKS = 4
"""Into so many parts a time-out is cut, after each of which one looks: a client is given up at most one part late."""


class WriteLimits(NamedTuple):
    """How long a client may read nothing, in seconds, and how many bytes a second it must read, averaged over that."""

    timeout: float
    rate: int

    @classmethod
    def of(cls, config: "Config") -> "WriteLimits":
        """What `timeout-write` and `timeout-write-rate` say; `inf` and 0 where they are off."""
        return cls(config.timeout_write or math.inf, config.timeout_write_rate)


class WritePace:
    """Whether something that is written moves on fast enough (rule H-17), by looks at it from `now` on.

    A look at each end of the time-out would not do: a client that reads nothing takes in what fits into its kernel's
    buffer, and so has moved on when the first one is over. `due` is the time of the next look.
    """

    __slots__ = ("_limits", "_looks", "_moved_at", "_read", "due")

    def __init__(self, limits: WriteLimits, now: float) -> None:
        self._limits = limits
        self._moved_at = now
        self._read = 0
        self._looks = deque([(now, 0)], maxlen=LOOKS)
        self.due = now + limits.timeout / LOOKS

    def is_too_slow(self, moved: int, now: float) -> bool:
        """Look, not before `due`: `moved` bytes went since the last look; whether that is too little for too long."""
        timeout, rate = self._limits
        if moved > 0:
            self._moved_at = now
        self._read += moved
        since, read_before = self._looks[0]
        is_full = len(self._looks) == LOOKS
        self._looks.append((now, self._read))
        end = self._moved_at + timeout
        self.due = min(now + timeout / LOOKS, end)
        return now >= end or (is_full and self._read - read_before < rate * (now - since))
