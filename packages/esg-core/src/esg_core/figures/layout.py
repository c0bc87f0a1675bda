"""The order in which the counted figures of a process are kept: one list of numbers, the same in every process.

A process of another version may have another order, so the list goes with a fingerprint of its names (rule M-2).
"""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import accumulate

from esg_core.figures.exemplars import EXEMPLAR_WIDTH, EXEMPLARS
from esg_core.figures.families import COUNTED, Counted
from esg_core.figures.readings import Kind


def _names(counted: Counted) -> Iterator[str]:
    family = counted.family
    for labels in counted.labels:
        name = f"{family.name}{{{','.join(labels)}}}"
        if family.kind is Kind.HISTOGRAM:
            yield from (f"{name} {bound:g}" for bound in (*family.bounds, float("inf")))
            yield f"{name} sum"
        else:
            yield name


_FIGURES = tuple(name for counted in COUNTED for name in _names(counted))

SLOTS: tuple[str, ...] = (*_FIGURES, *(f"exemplar {number}" for number in range(EXEMPLARS * EXEMPLAR_WIDTH)))
"""What each number is; the exemplars come last."""

FINGERPRINT = int.from_bytes(hashlib.sha256("\n".join(SLOTS).encode()).digest()[:8], "big")
"""Two processes with the same fingerprint understand each other's numbers."""

EXEMPLARS_AT = len(_FIGURES)

_SIZES = [len(counted.labels) * counted.width for counted in COUNTED]
_BEGINNINGS = dict(zip((counted.family.name for counted in COUNTED), accumulate(_SIZES, initial=0), strict=False))


def beginning(counted: Counted) -> int:
    """Where the numbers of a family begin."""
    return _BEGINNINGS[counted.family.name]


_POSITIONS = {
    counted.family.name: {
        labels: _BEGINNINGS[counted.family.name] + at * counted.width for at, labels in enumerate(counted.labels)
    }
    for counted in COUNTED
}


def positions(counted: Counted) -> Mapping[tuple[str, ...], int]:
    """Where the numbers of each series begin, by the labels; of a histogram these are its buckets, then the sum."""
    return _POSITIONS[counted.family.name]


def span(counted: Counted) -> slice:
    """All numbers of a family."""
    start = beginning(counted)
    return slice(start, start + len(counted.labels) * counted.width)


IS_SUMMED: tuple[bool, ...] = (
    *(counted.family.kind is not Kind.GAUGE for counted in COUNTED for _ in _names(counted)),
    *(False for _ in SLOTS[EXEMPLARS_AT:]),
)
"""Whether a number counts even when its process is gone."""
