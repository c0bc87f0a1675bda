"""Adds up the figures of all processes, those that have ended included (rule M-2): no counter ever falls.

Pure: other modules read segments, notice ends, and report both to this one.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import add, mul

from esg_core.figures import families
from esg_core.figures.exemplars import Bucket, read_exemplars
from esg_core.figures.families import COUNTED, Counted
from esg_core.figures.labels import CLASSES, DURATIONS, METHODS, REFUSAL_REASONS
from esg_core.figures.layout import EXEMPLARS_AT, IS_SUMMED, SLOTS, beginning, positions, span
from esg_core.figures.readings import Exemplar, Histogram, Kind, Reading, Series
from esg_core.figures.totals import CountedStats, Totals

Values = Sequence[float]
"""The counted figures of one process, in the order of `layout.SLOTS`."""

_REQUESTS = span(families.REQUESTS)
_BUSY, _TURNS, _LAG = (beginning(counted) for counted in (families.BUSY, families.TURNS, families.LAG))
_BUCKETS = families.DURATION.width - 1


class _Former:
    """What those had counted that were at one place."""

    __slots__ = ("busy", "requests", "turns")

    def __init__(self) -> None:
        self.busy = self.requests = self.turns = 0.0

    def add(self, values: Values) -> None:
        self.requests += sum(values[_REQUESTS])
        self.busy += values[_BUSY]
        self.turns += values[_TURNS]


class Merged:
    """All processes of one server, by the place they serve at.

    While a process drains, its successor already has its place: `worker`, a process ID, tells them apart. Values that
    could not be read are None: what was known of the process before still counts.
    """

    def __init__(self) -> None:
        self._former: list[float] = [0.0] * len(SLOTS)
        self._former_by_place: dict[int, _Former] = {}
        self._present: dict[tuple[int, int], Values] = {}
        self._exemplars: dict[Bucket, Exemplar] = {}

    def present(self, place: int, values: Values | None, worker: int = 0) -> None:
        """What a process that runs has counted up to now."""
        self._former_by_place.setdefault(place, _Former())
        if values is not None:
            self._present[place, worker] = values
            self._keep_exemplars(values)

    def ended(self, place: int, values: Values | None, worker: int = 0) -> None:
        """A process has ended, with these as its last values: from now on they belong to the former ones."""
        known = self._present.pop((place, worker), None)
        last = known if values is None else values
        if last is not None:
            self._former = [*map(add, self._former, map(mul, last, IS_SUMMED))]
            self._former_by_place.setdefault(place, _Former()).add(last)

    def _keep_exemplars(self, values: Values) -> None:
        for bucket, exemplar in read_exemplars(values[EXEMPLARS_AT:]):
            known = self._exemplars.get(bucket)
            if known is None or known.at < exemplar.at:
                self._exemplars[bucket] = exemplar

    # What there is altogether.

    def readings(self, own: Sequence[Reading] = ()) -> list[Reading]:
        """All counted families, then `own`: those that the asking process has measured itself."""
        total = self._total()
        counted = [Reading(one.family, list(self._series(one, total))) for one in COUNTED]
        requests = [Series((str(place),), self._requests(place)) for place in self._places()]
        return [*counted, Reading(families.WORKER_REQUESTS, requests), *own]

    def totals(self, memory: int = 0) -> Totals:
        """The sums for `/stats`; `memory` in bytes is measured elsewhere."""
        total = self._total()
        refused = positions(families.REFUSED)
        errors = [self._durations(total, (method, "5xx")) for method in METHODS]
        latency = [self._durations(total, (method, code)) for method in METHODS for code in CLASSES]
        return {
            "requests_total": int(sum(total[_REQUESTS])),
            "errors_total": int(sum(map(sum, errors))),
            "aborted_total": int(_one(total, families.ABORTED)),
            "refused_total": {reason: int(total[refused[reason,]]) for reason in REFUSAL_REASONS},
            "running": int(_one(total, families.IN_PROGRESS)),
            "queued": int(_one(total, families.QUEUED)),
            "limit": int(_one(total, families.LIMIT)) or None,
            "connections": int(sum(total[span(families.CONNECTIONS)])),
            "websockets": int(_one(total, families.WEBSOCKETS)),
            "h2_streams": int(_one(total, families.H2_STREAMS)),
            "h3_streams": int(_one(total, families.H3_STREAMS)),
            "memory": memory,
            "latency_bounds": list(DURATIONS),
            "latency_counts": [int(count) for count in map(sum, zip(*latency, strict=True))],
        }

    def worker(self, place: int) -> CountedStats:
        """What is counted at one place, by former processes and by those that run."""
        present = [values for (at, _), values in self._present.items() if at == place]
        return {
            "requests_total": int(self._requests(place)),
            "running": int(sum(_one(values, families.IN_PROGRESS) for values in present)),
            "queued": int(sum(_one(values, families.QUEUED) for values in present)),
            "connections": int(sum(sum(values[span(families.CONNECTIONS)]) for values in present)),
            "websockets": int(sum(_one(values, families.WEBSOCKETS) for values in present)),
            "busy_seconds_total": self._summed(place, _BUSY),
            "lag": max((values[_LAG] for values in present), default=0.0),
        }

    def _total(self) -> Values:
        return [*map(sum, zip(self._former, *self._present.values(), strict=True))]

    def _places(self) -> list[int]:
        return sorted(self._former_by_place)

    def _at(self, place: int) -> Iterator[Values]:
        return (values for (at, _), values in self._present.items() if at == place)

    def _requests(self, place: int) -> float:
        former = self._former_by_place.get(place, _Former())
        return former.requests + sum(sum(values[_REQUESTS]) for values in self._at(place))

    def _summed(self, place: int, position: int) -> float:
        former = self._former_by_place.get(place, _Former())
        before = former.busy if position == _BUSY else former.turns
        return before + sum(values[position] for values in self._at(place))

    # Series.

    def _series(self, counted: Counted, total: Values) -> Iterator[Series]:
        if counted.by_worker:
            yield from self._series_by_place(counted)
        elif counted.family.kind is Kind.HISTOGRAM:
            yield from self._histograms(counted, total)
        else:
            for labels, at in positions(counted).items():
                if total[at] or not counted.is_sparse:
                    yield Series(labels, total[at])

    def _series_by_place(self, counted: Counted) -> Iterator[Series]:
        position = beginning(counted)
        for place in self._places():
            if counted.family.kind is Kind.COUNTER:
                yield Series((str(place),), self._summed(place, position))
            elif present := [values[position] for values in self._at(place)]:
                yield Series((str(place),), max(present))

    def _histograms(self, counted: Counted, total: Values) -> Iterator[Series]:
        width = counted.width
        for number, (labels, at) in enumerate(positions(counted).items()):
            *counts, seconds = total[at : at + width]
            if any(counts) or not counted.is_sparse:
                exemplars = self._exemplars_of(number) if counted is families.DURATION else ()
                yield Series(labels, Histogram(tuple(counts), seconds, exemplars))

    def _exemplars_of(self, series: int) -> tuple[Exemplar | None, ...]:
        found = tuple(self._exemplars.get((series, bucket)) for bucket in range(_BUCKETS))
        return found if any(found) else ()

    @staticmethod
    def _durations(total: Values, labels: tuple[str, str]) -> Values:
        at = _DURATIONS[labels]
        return total[at : at + _BUCKETS]


_DURATIONS: Mapping[tuple[str, ...], int] = positions(families.DURATION)


def _one(values: Values, counted: Counted) -> float:
    return values[beginning(counted)]
