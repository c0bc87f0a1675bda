"""The results of the traffic: counts by kind, and the first reasons for failures."""

from collections import Counter

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
        lines = [f"{'traffic':24}{'done':>10}{'again':>8}{'failed':>8}"]
        lines += [f"{kind:24}{self.done[kind]:10}{self.again[kind]:8}{self.failed[kind]:8}" for kind in kinds]
        lines += [f"  {kind}: {reason}" for kind in kinds for reason in self.reasons.get(kind, ())]
        return "\n".join(lines)
