"""The results of the traffic: counts by kind, and the first reasons for failures."""

from collections import Counter

from benchmarks.report import table

REASONS = 5
"""Reasons that are kept for each kind."""


class Tally:
    """`done` were answered correctly; `again` were repeated on a new connection, as the protocol demands.

    A request is repeated if its connection was kept from an earlier one and ended before a byte of its answer, or if
    GOAWAY said that it was not served.
    """

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.again: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.reasons: dict[str, list[str]] = {}

    def fail(self, kind: str, reason: str) -> None:
        """A request that should have been answered was not."""
        self.failed[kind] += 1
        reasons = self.reasons.setdefault(kind, [])
        if len(reasons) < REASONS:
            reasons.append(reason)

    def table(self) -> str:
        """One line for each kind."""
        kinds = sorted({*self.done, *self.again, *self.failed})
        rows = [[kind, *(str(count[kind]) for count in (self.done, self.again, self.failed))] for kind in kinds]
        totals = ["all", *(str(count.total()) for count in (self.done, self.again, self.failed))]
        reasons = [f"* {kind}: {reason}" for kind in kinds for reason in self.reasons.get(kind, ())]
        return "\n".join(
            [table(["traffic", "done", "again", "failed"], [*rows, totals]), *([""] if reasons else []), *reasons]
        )
