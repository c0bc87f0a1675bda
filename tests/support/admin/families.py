"""The names under which Prometheus has the samples of the families that a server shows."""

from collections.abc import Mapping
from functools import cache

from esg_core.figures.families import COUNTED, MEASURED
from esg_core.figures.readings import Kind

_SUFFIXES = {
    Kind.COUNTER: ("_total",),
    Kind.GAUGE: ("",),
    Kind.HISTOGRAM: ("_bucket", "_sum", "_count"),
    Kind.INFO: ("_info",),
}


@cache
def sample_names() -> Mapping[str, tuple[str, ...]]:
    """The labels of each name of a sample."""
    families = (*(counted.family for counted in COUNTED), *MEASURED)
    return {family.name + suffix: family.labels for family in families for suffix in _SUFFIXES[family.kind]}
