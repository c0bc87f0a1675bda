"""The measurements, and the few figures that sum them up; pure functions of numbers.

A `Sample` is one round of one server in one row. Rounds of all servers are interleaved, so a ratio is taken within each
round, where both had the same machine, and the median over the rounds is what counts.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """One round: the server's CPU per request (µs), requests per second, 99th percentile of the latency (ms)."""

    cpu_us: float
    rps: float
    p99_ms: float


@dataclass(slots=True)
class Outcome:
    """All rounds of one server in one row."""

    samples: dict[int, Sample] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def values(self, metric: str) -> list[float]:
        """One figure of each round."""
        return [getattr(sample, metric) for sample in self.samples.values()]


Results = dict[str, dict[str, Outcome]]
"""Row -> server -> outcome."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a sample, for people."""

    name: str
    title: str
    digits: int


METRICS = (
    Metric("cpu_us", "CPU a request, µs (less is better)", 1),
    Metric("rps", "Requests a second (more is better)", 0),
    Metric("p99_ms", "99th percentile of the latency, ms (less is better)", 2),
)


def median(values: Sequence[float]) -> float | None:
    """The median; None if there are no values."""
    return statistics.median(values) if values else None


def spread(values: Sequence[float]) -> float | None:
    """Half of the range in percent of the median: a median of 10 from 9 to 11 is 10 ± 10 %."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle * 100 if middle else None


def ratio(of: Outcome, to: Outcome, metric: str = "cpu_us") -> float | None:
    """The median ratio of one's figure to the other's, over the rounds that both have."""
    both = of.samples.keys() & to.samples.keys()
    pairs = [(getattr(of.samples[key], metric), getattr(to.samples[key], metric)) for key in both]
    return median([one / other for one, other in pairs if other])
