"""What was lost while something was done to a server, in words, as a line of the table, and as a bar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.losses.wrk import CONNECTIONS, WrkResult
from benchmarks.report import table


@dataclass(frozen=True)
class Outcome:
    """One thing done to a server `times` times; wrk may lose `allowed` requests, which were of killed workers."""

    name: str
    times: int
    seconds: float
    answered: int
    connections: int
    processes: int
    losses: Sequence[str]
    of_the_killed: int
    wrk: WrkResult
    allowed: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost except requests of killed workers."""
        return not self.losses and self.wrk.losses <= self.allowed

    def __str__(self) -> str:
        lines = [
            f"{self.times} {self.name} in {self.seconds:.0f} s: {self.answered} checked answers over "
            f"{self.connections} connections from {self.processes} processes, lost {len(self.losses)}"
            + (f", and {self.of_the_killed} of killed workers" if self.allowed else "")
            + f"; wrk: {self.wrk.requests} requests, lost {self.wrk.losses}"
            + (f" ({CONNECTIONS} connections)" if self.allowed else "")
        ]
        lines += [f"    {self.losses.count(what)} times {what}" for what in sorted(set(self.losses))]
        return "\n".join(lines)


HEAD = ("", "checked answers", "lost", "of killed workers", "requests of wrk", "lost by wrk", "seconds")


def outcome_table(outcomes: Sequence[Outcome]) -> str:
    """A line for each outcome."""
    return table(
        HEAD,
        [
            [
                f"{each.times} {each.name}",
                *map(str, (each.answered, len(each.losses), each.of_the_killed, each.wrk.requests, each.wrk.losses)),
                f"{each.seconds:.0f}",
            ]
            for each in outcomes
        ],
    )


def bars(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, bool]]:
    """A sentence for each outcome, and whether it holds."""
    for each in outcomes:
        said = "only requests of killed workers are lost" if each.allowed else "nothing is lost"
        yield f"{each.name}: {said}", each.is_clean
