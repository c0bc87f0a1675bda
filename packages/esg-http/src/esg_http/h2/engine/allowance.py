"""How much of what is of no use a client may send within a while (rule 2-3).

Sans-I/O: whoever spends says what time it is. Work costs the server more than asking for it costs a client (a request
that is cancelled at once, a PING that wants an answer); each kind that an honest client needs seldom is counted.
"""

from esg_http.h2.coding.codes import ENHANCE_YOUR_CALM
from esg_http.h2.coding.faults import ConnectionFault

PERIOD = 10.0
"""Seconds for which an allowance is."""


class Allowance:
    """So many of something within `PERIOD` seconds; `what` names them."""

    __slots__ = ("_left", "_limit", "_renew_at", "_what")

    def __init__(self, limit: int, what: str) -> None:
        self._limit = limit
        self._what = what
        self._left = limit
        self._renew_at = 0.0

    def spend(self, now: float, count: int = 1) -> None:
        """Take from what is left; raises `ConnectionFault` when there is not so much."""
        if now >= self._renew_at:
            self._left = self._limit
            self._renew_at = now + PERIOD
        self._left -= count
        if self._left < 0:
            raise ConnectionFault(
                ENHANCE_YOUR_CALM, f"more than {self._limit} {self._what} in {PERIOD:.0f} s", "RFC 9113 section 10.5"
            )
