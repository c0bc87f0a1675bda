"""The overload experiments: their evaluation of figures, and one of them for real, with a small crowd."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.charts import Line, line_chart
from benchmarks.overload import page
from benchmarks.overload.__main__ import EXPERIMENTS, main
from benchmarks.overload.client import Record, percentile
from benchmarks.overload.episode import Outcome as Episode
from benchmarks.overload.saturation import Outcome as Load
from benchmarks.overload.settings import LIMITED, as_options

GOOD = Load(goodput=0.95, p50=20, p99=200, refused=0.9, lost=0, health=100, health_lost=0, late=3)
CALM = Load(goodput=0.5, p50=20, p99=40, refused=0, lost=0, health=20, health_lost=0, late=1)


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(list(range(100)), 0.99) == 99


def test_settings_are_options_as_well() -> None:
    assert as_options(LIMITED)[:3] == ["--backpressure", "--backpressure-max-limit", "10"]


@pytest.mark.parametrize(
    ("calm", "heavy", "failed"),
    [
        (CALM, GOOD, []),
        (Load(0.5, 20, 40, 0.01, 0, 20, 0, 1), GOOD, ["at 0.5 times the capacity, no request gets a 503"]),
        (CALM, Load(0.8, 20, 200, 0.9, 0, 100, 0, 3), ["at 10 times the capacity goodput is at least 0.9 of it"]),
        (
            CALM,
            Load(0.9, 20, 1000, 0.9, 0, 100, 0, 3),
            ["at 10 times the capacity p99 of served requests is under 1 s"],
        ),
        (CALM, Load(0.9, 20, 99, 0.9, 0, None, 9, 3), ["at 10 times the capacity health is answered within 0.25 s"]),
    ],
    ids=["good", "refused", "goodput", "late", "health"],
)
def test_bars_of_a_saturation(calm: Load, heavy: Load, failed: list[str]) -> None:
    section = page.of_saturation({"esg": {0.5: calm, 10: heavy}, "other": {0.5: calm, 10: heavy}})
    assert [text for text, is_cleared in section.bars if not is_cleared] == failed
    assert section.files.keys() == {"goodput.svg", "p99.svg", "refused.svg", "health.svg"}
    assert "### 10 times the capacity" in section.text


@pytest.mark.parametrize(
    ("limits", "windows"), [([10, 4, 4, 10, 10], 0), ([10, 4, 4, 4, 10], 4), ([10, 4, 4, 4, 4], None)]
)
def test_how_long_a_limit_takes_to_recover(limits: list[int], windows: int | None) -> None:
    history = [{"time": time, "limit": limit, "inflight": 1, "queued": 0} for time, limit in enumerate(limits)]
    episode = Episode(Record(), Record(), Record(), history, began=1, ended=2)
    assert (episode.lowest, episode.windows) == (4, windows)
    assert dict(page.of_episode(episode).bars)["the limit recovers within 10 windows"] == (windows is not None)


def test_a_chart_of_lines() -> None:
    chart = line_chart("Title", [Line("a", [(0, 0), (2, 4)]), Line("b", [(0, 1), (1, 2)])], (0.5, 1, "span"))
    assert chart.count("<polyline") == 2
    assert all(text in chart for text in (">Title<", ">a<", ">b<", ">span<", ">4<", ">2 s<"))


def test_unknown_experiments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["unknown"])
    said = capsys.readouterr().err
    assert all(name in said for name in EXPERIMENTS)


@pytest.fixture
def any_core() -> Iterator[None]:
    """The command pins itself to the core of the load; later tests may use all cores again."""
    cores = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.slow
@pytest.mark.usefixtures("any_core")
@pytest.mark.skipif(sys.platform != "linux", reason="the server and its load are pinned to cores")
def test_one_experiment_is_run_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["slow", "--divisor", "100", "--output", str(tmp_path)])
    written = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert written in capsys.readouterr().out
    assert "45 clients" in written
    for kind in ("heads", "bodies", "unread"):
        assert f"yes: no slow client is held longer than its deadline ({kind})" in written
