"""M-8: figures in Prometheus' text and in OpenMetrics, as their own tools read them."""

import math
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from esg_admin.exposition import FORMATS, OPENMETRICS, PROMETHEUS, content_type, write
from esg_admin.negotiation import MediaType, preferred
from esg_core.figures.readings import Exemplar, Family, Histogram, Kind, Reading, Series
from tests.support.admin.client import Client
from tests.support.admin.source import READINGS, StillSource
from tests.support.e2e.programs import find, needs

TEXT = """\
# HELP esg_http_requests_total Requests.
# TYPE esg_http_requests_total counter
esg_http_requests_total{method="GET",code="200"} 41.0
esg_http_requests_total{method="POST",code="500"} 1.0
# HELP esg_http_request_duration_seconds Durations.
# TYPE esg_http_request_duration_seconds histogram
esg_http_request_duration_seconds_bucket{code="2xx",le="0.1"} 40.0
esg_http_request_duration_seconds_bucket{code="2xx",le="1.0"} 42.0
esg_http_request_duration_seconds_bucket{code="2xx",le="+Inf"} 43.0
esg_http_request_duration_seconds_sum{code="2xx"} 12.5
esg_http_request_duration_seconds_count{code="2xx"} 43.0
# HELP esg_workers Workers.
# TYPE esg_workers gauge
esg_workers{state="ready"} 4.0
# HELP esg_build_info Versions.
# TYPE esg_build_info gauge
esg_build_info{version="0.2.0"} 1.0
"""

OPEN_TEXT = """\
# TYPE esg_http_requests counter
# HELP esg_http_requests Requests.
esg_http_requests_total{method="GET",code="200"} 41.0
esg_http_requests_total{method="POST",code="500"} 1.0
# TYPE esg_http_request_duration_seconds histogram
# UNIT esg_http_request_duration_seconds seconds
# HELP esg_http_request_duration_seconds Durations.
esg_http_request_duration_seconds_bucket{code="2xx",le="0.1"} 40.0
esg_http_request_duration_seconds_bucket{code="2xx",le="1.0"} 42.0 # {trace_id="4bf92f35"} 0.7 1500000000.0
esg_http_request_duration_seconds_bucket{code="2xx",le="+Inf"} 43.0
esg_http_request_duration_seconds_sum{code="2xx"} 12.5
esg_http_request_duration_seconds_count{code="2xx"} 43.0
# TYPE esg_workers gauge
# HELP esg_workers Workers.
esg_workers{state="ready"} 4.0
# TYPE esg_build info
# HELP esg_build Versions.
esg_build_info{version="0.2.0"} 1.0
# EOF
"""


def test_m8_prometheus_text() -> None:
    assert write(READINGS, PROMETHEUS).decode() == TEXT


def test_m8_openmetrics() -> None:
    assert write(READINGS, OPENMETRICS).decode() == OPEN_TEXT


@needs("promtool")
def test_m8_promtool_has_no_complaint() -> None:
    command = [find("promtool") or "promtool", "check", "metrics"]
    answer = subprocess.run(command, input=write(READINGS, PROMETHEUS), capture_output=True, check=False, timeout=60)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, b"", b"")


PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
ACCEPTED = [
    (None, PROMETHEUS),
    ("", PROMETHEUS),
    ("*/*", PROMETHEUS),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PROMETHEUS),
    ("text/html", PROMETHEUS),
    (PROMETHEUS_2, OPENMETRICS),
    (PROMETHEUS_3, OPENMETRICS),
    ("application/openmetrics-text", OPENMETRICS),
    ('Application/OpenMetrics-Text ; Version="1.0.0" ; Q=0.5', OPENMETRICS),
    ("application/openmetrics-text;version=2.0.0", PROMETHEUS),
    ("application/openmetrics-text;q=0.4, text/plain;q=0.5", PROMETHEUS),
    ("application/openmetrics-text, text/plain", PROMETHEUS),
    ("application/*, text/*;q=0.9", OPENMETRICS),
    ("*/*;q=0.5, text/plain;q=0.1", OPENMETRICS),
    ("application/openmetrics-text;version=1.0.0;q=0, */*", PROMETHEUS),
    ("application/openmetrics-text;q=0.2, application/openmetrics-text;version=1.0.0, text/*;q=0.5", OPENMETRICS),
    ("application/openmetrics-text;q=2, text/plain;q=0.1", PROMETHEUS),
    ("application/openmetrics-text;q=nan", PROMETHEUS),
    (";;;,,,=;q", PROMETHEUS),
]


@pytest.mark.parametrize(("accept", "expected"), ACCEPTED)
def test_m8_the_client_chooses_the_format(accept: str | None, expected: MediaType) -> None:
    assert preferred(accept, FORMATS) == expected
    client = Client(StillSource())
    client.ask("/metrics", **({} if accept is None else {"accept": accept}))
    answered = client.answer()
    assert answered.fields["content-type"] == content_type(expected)
    assert answered.text == (OPEN_TEXT if expected == OPENMETRICS else TEXT)


def test_m8_content_types() -> None:
    assert content_type(PROMETHEUS) == "text/plain; version=0.0.4; charset=utf-8"
    assert content_type(OPENMETRICS) == "application/openmetrics-text; version=1.0.0; charset=utf-8"


@pytest.mark.parametrize("trace_id", ["i" * 121, "", '"', "\\", "a b", "a}", "a\n", "\u00e4"])
def test_m8_an_exemplar_that_not_all_parsers_read_is_left_out(trace_id: str) -> None:
    family = Family("d_seconds", Kind.HISTOGRAM, "D.", (), "seconds", ())
    exemplar = Exemplar(trace_id, 0.5, 1.0)
    written = write([Reading(family, [Series((), Histogram((1.0,), 0.5, (exemplar,)))])], OPENMETRICS).decode()
    assert "trace_id" not in written
    assert next(iter(READERS[OPENMETRICS](written))).samples[0].value == 1.0


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0.0"), (0.1, "0.1"), (2**53, "9007199254740992.0"), (1e300, "1e+300"), (5e-324, "5e-324")],
)
def test_m8_numbers_lose_nothing(value: float, written: str) -> None:
    reading = Reading(Family("g", Kind.GAUGE, "G."), [Series((), value)])
    assert f"\ng {written}\n" in write([reading], PROMETHEUS).decode()


def test_m8_what_is_not_a_number() -> None:
    values = (math.inf, -math.inf, math.nan)
    readings = [Reading(Family(f"g{at}", Kind.GAUGE, "G."), [Series((), value)]) for at, value in enumerate(values)]
    lines = [line for line in write(readings, PROMETHEUS).decode().splitlines() if line[0] != "#"]
    assert lines == ["g0 +Inf", "g1 -Inf", "g2 NaN"]


# Round trips: what prometheus_client reads is what was written.

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # what is slow is a busy machine

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
COUNTS = st.integers(0, 2**50).map(float)
NAMES = st.sampled_from(["requests", "body_bytes", "event_loop_busy_seconds", "workers_2"])
BOUNDS = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=5, unique=True).map(lambda found: tuple(sorted(found)))


@st.composite
def families(draw: st.DrawFn) -> Reading:
    kind = draw(st.sampled_from(Kind))
    name, labels = draw(NAMES), draw(st.sampled_from([(), ("a",), ("code", "method")]))
    if kind is Kind.INFO and not labels:
        labels = ("a",)
    unit = "seconds" if name.endswith("_seconds") and kind is not Kind.INFO else ""
    bounds = draw(BOUNDS) if kind is Kind.HISTOGRAM else ()
    family = Family(f"esg_{kind.value}_{name}", kind, draw(WORDS).strip(), labels, unit, bounds)
    keys = draw(st.lists(st.tuples(*(WORDS for _ in labels)), min_size=1, max_size=3, unique=True))
    return Reading(family, [Series(key, draw(values(kind, len(bounds) + 1))) for key in keys])


def values(kind: Kind, buckets: int) -> st.SearchStrategy[float | Histogram]:
    match kind:
        case Kind.COUNTER:
            return COUNTS
        case Kind.GAUGE:
            return st.floats(allow_nan=False)
        case Kind.INFO:
            return st.just(1.0)
        case Kind.HISTOGRAM:
            counts = st.tuples(*(COUNTS for _ in range(buckets)))
            return st.builds(Histogram, counts, st.floats(0, 1e12), st.just(()))


def samples(reading: Reading) -> Iterator[tuple[str, dict[str, str], float]]:
    """What a reader has to find, worked out in another way than the writer does."""
    family = reading.family
    for labels, value in reading.series:
        named = dict(zip(family.labels, labels, strict=True))
        if isinstance(value, Histogram):
            for at, bound in enumerate((*family.bounds, math.inf)):
                le = "+Inf" if bound == math.inf else str(bound)
                yield f"{family.name}_bucket", {**named, "le": le}, sum(value.counts[: at + 1])
            yield f"{family.name}_sum", named, value.total
            yield f"{family.name}_count", named, sum(value.counts)
        else:
            suffix = {Kind.COUNTER: "_total", Kind.INFO: "_info"}.get(family.kind, "")
            yield family.name + suffix, named, value


READERS: dict[MediaType, Callable[[str], Iterable[Metric]]] = {PROMETHEUS: prometheus, OPENMETRICS: openmetrics}


@pytest.mark.parametrize("media_type", FORMATS, ids=lambda one: str(one.name))
@patient
@given(readings=st.lists(families(), max_size=4, unique_by=lambda reading: reading.family.name))
def test_m8_what_is_read_is_what_was_written(media_type: MediaType, readings: Sequence[Reading]) -> None:
    written = write(readings, media_type).decode()
    found = list(READERS[media_type](written))
    assert [(one.name, one.labels, one.value) for metric in found for one in metric.samples] == [
        sample for reading in readings for sample in samples(reading)
    ]
    if media_type == OPENMETRICS:
        assert [(metric.type, metric.unit, metric.documentation) for metric in found] == [
            (reading.family.kind.value, reading.family.unit, reading.family.help) for reading in readings
        ]
        assert written.endswith("# EOF\n")


@patient
@given(trace_id=st.from_regex(r"\A[a-zA-Z0-9._:/=+@-]{1,120}\Z"), value=st.floats(0, 1e6), at=st.integers(0, 2**32))
def test_m8_exemplars_are_read_back(trace_id: str, value: float, at: int) -> None:
    family = Family("d_seconds", Kind.HISTOGRAM, "D.", (), "seconds", ())
    series = Series((), Histogram((1.0,), value, (Exemplar(trace_id, value, at),)))
    (metric,) = READERS[OPENMETRICS](write([Reading(family, [series])], OPENMETRICS).decode())
    exemplar = metric.samples[0].exemplar
    assert exemplar is not None
    assert (exemplar.labels, exemplar.value) == ({"trace_id": trace_id}, value)
    assert exemplar.timestamp is not None
    assert float(exemplar.timestamp) == at
