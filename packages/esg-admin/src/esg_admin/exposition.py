"""Writes readings down for scrapers: Prometheus' text format 0.0.4, and OpenMetrics 1.0.0 (rule M-8).

Knows the two formats and nothing of what is counted.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from esg_admin.negotiation import MediaType
from esg_core.figures.readings import Exemplar, Family, Histogram, Kind, Reading, Series

PROMETHEUS = MediaType("text/plain", "0.0.4")
OPENMETRICS = MediaType("application/openmetrics-text", "1.0.0")
FORMATS = (PROMETHEUS, OPENMETRICS)
"""The first is the default."""

_TRACE_ID = re.compile(r"[\w.:/=+@-]{1,120}", re.ASCII)
"""The ids that exemplars carry: OpenMetrics allows 128 characters, name included; some parsers reject escapes there."""

_SUFFIX = {Kind.COUNTER: "_total", Kind.INFO: "_info"}


def content_type(media_type: MediaType) -> str:
    """The value of the field `content-type`."""
    return f"{media_type.name}; version={media_type.version}; charset=utf-8"


def write(readings: Sequence[Reading], media_type: MediaType) -> bytes:
    """The readings in one of the `FORMATS`."""
    write_lines = _openmetrics if media_type == OPENMETRICS else _prometheus
    return "\n".join([*write_lines(readings), ""]).encode("utf-8", "replace")


def _prometheus(readings: Sequence[Reading]) -> Iterator[str]:
    for family, series in readings:
        name = _sample_name(family)
        kind = Kind.GAUGE if family.kind is Kind.INFO else family.kind
        yield f"# HELP {name} {_escaped(family.help)}"
        yield f"# TYPE {name} {kind.value}"
        for one in series:
            yield from _samples(family, one, _without_exemplar)


def _openmetrics(readings: Sequence[Reading]) -> Iterator[str]:
    for family, series in readings:
        yield f"# TYPE {family.name} {family.kind.value}"
        if family.unit:
            yield f"# UNIT {family.name} {family.unit}"
        yield f"# HELP {family.name} {_quotable(family.help)}"
        for one in series:
            yield from _samples(family, one, _exemplar)
    yield "# EOF"


def _sample_name(family: Family) -> str:
    return family.name + _SUFFIX.get(family.kind, "")


def _samples(family: Family, series: Series, exemplar: Callable[[Exemplar | None], str]) -> Iterator[str]:
    """The lines of one series."""
    labels = [f'{name}="{_quotable(value)}"' for name, value in zip(family.labels, series.labels, strict=True)]
    if isinstance(series.value, Histogram):
        yield from _histogram(family, labels, series.value, exemplar)
    else:
        yield f"{_sample_name(family)}{_braces(labels)} {number(series.value)}"


def _histogram(
    family: Family, labels: list[str], value: Histogram, exemplar: Callable[[Exemplar | None], str]
) -> Iterator[str]:
    """Buckets, each with all that are below it, then the sum and the count of all."""
    bounds = [*map(number, family.bounds), "+Inf"]
    counts = list(accumulate(value.counts))
    exemplars = value.exemplars or (None,) * len(counts)
    for bound, count, example in zip(bounds, counts, exemplars, strict=True):
        below = _braces([*labels, f'le="{bound}"'])
        yield f"{family.name}_bucket{below} {number(count)}{exemplar(example)}"
    yield f"{family.name}_sum{_braces(labels)} {number(value.total)}"
    yield f"{family.name}_count{_braces(labels)} {number(counts[-1])}"


def _without_exemplar(_exemplar: Exemplar | None) -> str:
    return ""


def _exemplar(exemplar: Exemplar | None) -> str:
    """What follows the count of a bucket; empty for an id that is not plain."""
    if exemplar is None or not _TRACE_ID.fullmatch(exemplar.trace_id):
        return ""
    return f' # {{trace_id="{exemplar.trace_id}"}} {number(exemplar.value)} {number(exemplar.at)}'


def _braces(labels: list[str]) -> str:
    return "{" + ",".join(labels) + "}" if labels else ""


def number(value: float) -> str:
    """The shortest form that reads back as the same number."""
    return _NOT_FINITE.get(text := repr(float(value)), text)


_NOT_FINITE = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quotable(text: str) -> str:
    return _escaped(text).replace('"', '\\"')
