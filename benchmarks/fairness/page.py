"""Evaluates the measurements: a table for each protocol, and the bars that must be cleared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.fairness.attacks import ATTACKS, QUIET, SEEN_OVER_HTTP3
from benchmarks.fairness.innocent import Waits
from benchmarks.report import table

BAR = 0.020
"""Seconds that an attack may add to the longest wait without one."""

NOT_SPOKEN = "not spoken"
"""Why there is no figure for a server that does not speak the protocol of the attack."""

SHORT = 30
"""Characters of a reason that fits into a cell; a longer one is only told below the tables."""


@dataclass(slots=True)
class Cell:
    """All rounds of one server under one attack; `reason` says why there are none."""

    rounds: list[Waits] = field(default_factory=list)
    reason: str = ""

    @property
    def longest(self) -> float:
        """The median of the longest waits, in seconds."""
        return median(waits.longest for waits in self.rounds)

    @property
    def lost(self) -> int:
        """In how many rounds a request was not answered."""
        return sum(waits.is_lost for waits in self.rounds)

    def __str__(self) -> str:
        if not self.rounds:
            return self.reason if 0 < len(self.reason) <= SHORT else "-"
        return f"{self.longest * 1000:.0f}" + (f", lost {self.lost}" if self.lost else "")


Found = Mapping[tuple[str, str], Mapping[str, Cell]]
"""By protocol and name of the attack, and by server."""


def tables(found: Found, servers: Sequence[str]) -> str:
    """A table for each protocol, and what could not be measured."""
    parts = []
    for protocol in dict.fromkeys(protocol for protocol, _ in found):
        lines = [
            [ATTACKS[key].title, *(str(cells.get(server, Cell())) for server in servers)]
            for key, cells in found.items()
            if key[0] == protocol
        ]
        parts.append(f"## {protocol}\n\n{table(['longest wait, ms', *servers], lines)}")
    reasons = {
        f"* {server}, {protocol}{_since(cell, ATTACKS[protocol, name].title)}: {cell.reason}"
        for (protocol, name), cells in found.items()
        for server, cell in cells.items()
        if cell.reason
    }
    if reasons:
        parts.append("Not measured:\n\n" + "\n".join(sorted(reasons)))
    return "\n\n".join(parts)


def _since(cell: Cell, title: str) -> str:
    """Which rounds of an attack were not measured, unless none was."""
    return f", {title}, after round {len(cell.rounds)}" if cell.rounds else ""


def bars(found: Found, server: str) -> Iterator[tuple[str, bool]]:
    """A sentence for each attack on the server, and whether it holds.

    Clients over HTTP/3 are not judged: the system loses their packets too while the socket is flooded.
    """
    for (protocol, name), cells in found.items():
        cell, quiet = cells.get(server, Cell()), found.get((protocol, QUIET), {}).get(server, Cell())
        if name == QUIET or protocol == SEEN_OVER_HTTP3 or not cell.rounds or not quiet.rounds:
            continue
        added = cell.longest - quiet.longest
        said = f"{protocol}, {ATTACKS[protocol, name].title}: {added * 1000:+.0f} ms"
        yield (f"{said}, and {cell.lost} lost" if cell.lost else said), added <= BAR and not cell.lost
