"""How much useless work a client may cause within a while (rule 2-3).

Sans-I/O: the caller tells the time. Work costs the server more than asking for it costs a client (a request that is
cancelled at once, a PING that wants an answer), so each kind that honest clients rarely need is counted.
"""

from typing import NamedTuple

from esg_http.coding.faults import ConnectionFault

PERIOD = 10.0
"""Seconds that an allowance lasts."""


class Excess(NamedTuple):
    """What a connection ends with that asks for too much: a code, and the section that speaks of it."""

    code: int
    section: str


class Allowance:
    """At most `limit` of something within `PERIOD` seconds; `what` names them."""

    __slots__ = ("_excess", "_left", "_limit", "_renew_at", "_what")

    def __init__(self, limit: int, what: str, excess: Excess) -> None:
        self._limit = limit
        self._excess = excess
        self._what = what
        self._left = limit
        self._renew_at = 0.0

    def spend(self, now: float, count: int = 1) -> None:
        """Take `count` from what is left; raises `ConnectionFault` if there is less."""
        if now >= self._renew_at:
            self._left = self._limit
            self._renew_at = now + PERIOD
        self._left -= count
        if self._left < 0:
            code, section = self._excess
            raise ConnectionFault(code, f"more than {self._limit} {self._what} in {PERIOD:.0f} s", section)
