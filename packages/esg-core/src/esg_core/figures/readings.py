"""The shape of figures: families, their series and values, as they are shown to those who ask.

Knows neither what is counted nor how it is written down for a reader.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What kind of figure a family is; the values are the words of OpenMetrics."""

    COUNTER = "counter"
    """Only grows; its name ends in `_total` where it is shown."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"
    """Always 1: what it says is in its labels. Its name ends in `_info` where it is shown."""


@dataclass(frozen=True, slots=True)
class Family:
    """All series of one name.

    `name` has neither `_total` nor `_info`; where there is a `unit`, the name ends with it. `bounds` are the upper
    bounds of a histogram's buckets, without infinity.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    bounds: tuple[float, ...] = ()


class Exemplar(NamedTuple):
    """One request that stands for its bucket: its id, its value, and when it was (seconds since 1970)."""

    trace_id: str
    value: float
    at: float


class Histogram(NamedTuple):
    """What was observed: `counts` by bucket, not cumulative, one more than there are bounds; `total` is their sum."""

    counts: tuple[float, ...]
    total: float
    exemplars: tuple[Exemplar | None, ...] = ()
    """The last exemplar of each bucket; empty where there are none at all."""


class Series(NamedTuple):
    """One series: the values of its labels, in the family's order, and its value."""

    labels: tuple[str, ...]
    value: float | Histogram


class Reading(NamedTuple):
    """A family and its series as they are at one moment."""

    family: Family
    series: Sequence[Series]


def single(family: Family, value: float) -> Reading:
    """The reading of a family without labels."""
    return Reading(family, [Series((), float(value))])
