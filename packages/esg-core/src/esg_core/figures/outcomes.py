"""What is counted for each request: its row is chosen by protocol and method, its outcome by status (rule M-1).

Pure. The request itself adds to these objects, without a call: see `esg_http.call.cycle`.
"""

from bisect import bisect_left
from collections.abc import Callable

from esg_core.figures.labels import DURATIONS, METHODS, OTHER, PROTOCOLS

SHORT = DURATIONS[0]
"""Seconds below which a request is in the lowest bucket, without a search."""


class Distribution:
    """Observed durations: `counts` by bucket, and their `total` in seconds."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Add one."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total += seconds


class Outcome:
    """The requests of one row that ended with one status.

    `short` counts those below `SHORT` seconds, `longer` the others by bucket (None while there are none), `handshakes`
    those whose connection became something else, which have no duration. `seconds` and `sent`, in bytes, are sums.
    Each only grows, in whatever order they are read. Below `short_below` seconds, nothing but to count is to be done.
    """

    __slots__ = ("handshakes", "longer", "seconds", "sent", "short", "short_below")

    def __init__(self, short_below: float) -> None:
        self.short_below = short_below
        self.short = self.handshakes = self.sent = 0
        self.seconds = 0.0
        self.longer: list[int] | None = None

    def count(self, seconds: float) -> int:
        """Count one that is not short, or has not been looked at; returns its bucket."""
        if self.longer is None:
            self.longer = [0] * (len(DURATIONS) + 1)
        bucket = bisect_left(DURATIONS, seconds)
        self.longer[bucket] += 1
        return bucket


class Row(dict[int, Outcome]):
    """The outcomes of one protocol and method by status; `received` counts the bytes of the requests' bodies.

    `is_logged` says whether there is an access line for each request.
    """

    __slots__ = ("_is_logged", "received")

    def __init__(self, is_logged: Callable[[], bool]) -> None:
        super().__init__()
        self._is_logged = is_logged
        self.received = 0

    def __missing__(self, status: int) -> Outcome:
        outcome = self[status] = Outcome(0.0 if status >= 500 or self._is_logged() else SHORT)
        return outcome


class Rows(dict[str, Row]):
    """The rows of one protocol by method; all that are not known share one."""

    __slots__ = ("_is_logged",)

    def __init__(self, is_logged: Callable[[], bool]) -> None:
        super().__init__()
        self._is_logged = is_logged

    def __missing__(self, method: str) -> Row:
        if method not in METHODS:
            return self[OTHER]
        row = self[method] = Row(self._is_logged)
        return row


def empty_rows(is_logged: Callable[[], bool]) -> dict[str, Rows]:
    """The rows of each protocol, before anything has been counted."""
    return {protocol: Rows(is_logged) for protocol in PROTOCOLS}
