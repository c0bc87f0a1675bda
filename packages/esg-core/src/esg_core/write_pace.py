"""Decides whether a client reads what is written to it fast enough (rule H-17, timeout-write).

Sans-I/O: the caller passes how many bytes have been sent, and when.
"""

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from esg_core.options.config import Config

LOOKS = 4
"""Checks per time-out: a client is dropped at most one part of it late."""


class WriteLimits(NamedTuple):
    """How many seconds a client may read nothing, and how many bytes a second it must read on average over them."""

    timeout: float
    rate: int

    @classmethod
    def of(cls, config: "Config") -> "WriteLimits":
        """What `timeout-write` and `timeout-write-rate` say; `inf` and 0 where they are off."""
        return cls(config.timeout_write, config.timeout_write_rate)


class WritePace:
    """Whether written data is read fast enough (rule H-17), by regular checks from `now` on.

    A check at the end of each time-out would not do: a client that reads nothing still takes what fits into its
    kernel's buffer, and so shows progress in the first one. `due` is the time of the next check.
    """

    __slots__ = ("_limits", "_looks", "_moved_at", "_read", "due")

    def __init__(self, limits: WriteLimits, now: float) -> None:
        self._limits = limits
        self._moved_at = now
        self._read = 0
        self._looks = deque([(now, 0)], maxlen=LOOKS)
        self.due = now + limits.timeout / LOOKS

    def is_too_slow(self, moved: int, now: float) -> bool:
        """Check, not before `due`, whether the client is too slow; `moved` bytes were sent since the last check."""
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
