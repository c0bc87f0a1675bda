"""What is counted for each request: its row is chosen by protocol and method, its outcome by status (rule M-1).

Pure. The request itself adds to these objects, without a call: see `esg_http.call.cycle`.
"""

from bisect import bisect_left
from collections.abc import Callable

from esg_core.figures.labels import DURATIONS, METHODS, OTHER, PROTOCOLS

SHORT = DURATIONS[0]
"""Seconds below which a request is in the lowest bucket, without a search."""

STATUSES = 1000
"""Statuses are below this."""

FOLD_EVERY = 256
"""Requests that may begin before what others have left is added up."""


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

    Below `short_below` seconds, a request only leaves its duration in `new_durations`, and then the size of its body in
    `new_sizes`, because `append` costs a third of an addition. `fold()` adds them up, as `short`, `short_seconds` and
    `short_sent`. The others are counted at once: `longer` by bucket (None while there are none), `longer_seconds` and
    `longer_sent`; `handshakes` are those whose connection became something else, and have no duration. Each only grows,
    in whatever order they are read.
    """

    __slots__ = (
        "handshakes",
        "longer",
        "longer_seconds",
        "longer_sent",
        "new_durations",
        "new_sizes",
        "short",
        "short_below",
        "short_seconds",
        "short_sent",
    )

    def __init__(self, short_below: float) -> None:
        self.short_below = short_below
        self.short = self.handshakes = self.short_sent = self.longer_sent = 0
        self.short_seconds = self.longer_seconds = 0.0
        self.longer: list[int] | None = None
        self.new_durations: list[float] = []
        self.new_sizes: list[int] = []

    def count(self, seconds: float) -> int:
        """Count one at once; returns its bucket."""
        if self.longer is None:
            self.longer = [0] * (len(DURATIONS) + 1)
        bucket = bisect_left(DURATIONS, seconds)
        self.longer[bucket] += 1
        self.longer_seconds += seconds
        return bucket

    def fold(self) -> None:
        """Add up what requests have left: one thread at a time, which need not be the one that counts."""
        durations = self.new_durations[:]
        del self.new_durations[: len(durations)]
        self.short += len(durations)
        self.short_seconds += sum(durations)
        sizes = self.new_sizes[:]
        del self.new_sizes[: len(sizes)]
        self.short_sent += sum(sizes)


_UNSEEN = Outcome(0.0)
"""In the place of each status that a row has not had: nothing is counted in it, as no duration is below 0."""


class Row(dict[int, Outcome]):
    """The outcomes of one protocol and method by status; `received` counts the bytes of the requests' bodies.

    `outcomes` has them too, each at its status: finding one in a list costs half of finding it in a dictionary. Only
    `row[status]` makes a new one. `is_logged` says whether there is an access line for each request.
    """

    __slots__ = ("_is_logged", "outcomes", "received")

    def __init__(self, is_logged: Callable[[], bool]) -> None:
        super().__init__()
        self._is_logged = is_logged
        self.outcomes = [_UNSEEN] * STATUSES
        self.received = 0

    def __missing__(self, status: int) -> Outcome:
        outcome = self[status] = self.outcomes[status] = Outcome(0.0 if status >= 500 or self._is_logged() else SHORT)
        return outcome


ONLY_LOGGED = Row(lambda: True)
"""The row of requests that are not counted, but have an access line."""


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
