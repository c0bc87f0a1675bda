"""The cost as work grows: the command measures for real, and says when a cost grows faster than its work."""

import dataclasses
import sys
from pathlib import Path

import pytest

from benchmarks.growth import __main__ as command
from benchmarks.growth import experiments
from benchmarks.growth.__main__ import Series, main
from benchmarks.growth.experiments import EXPERIMENTS
from benchmarks.processes import Bench, Cores, Running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time and memory are read from Linux's /proc")


@pytest.mark.parametrize("name", ["fields", "uploads", "websockets", pytest.param("workers", marks=pytest.mark.slow)])
def test_an_experiment_is_measured_and_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "REQUESTS", 400)
    monkeypatch.setattr(experiments, "ROUNDS", 1)
    monkeypatch.setattr(experiments, "SECONDS", 1)
    monkeypatch.setattr(command, "TOLERATED", 1000)
    most = sorted(EXPERIMENTS[name].steps)[1]
    assert main([name, "--most", str(most), "--output", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"results.md", f"{name}.svg"}
    assert f"| {most:,} " in (tmp_path / "results.md").read_text(encoding="utf-8")


def test_what_grows_faster_than_its_work_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(experiments, "REQUESTS", 400)
    monkeypatch.setattr(command, "TOLERATED", 0)
    assert main(["idle", "--most", "64"]) == 1
    assert f"Steeper than linear: {EXPERIMENTS['idle'].title}." in capsys.readouterr().out


def test_a_step_without_a_result_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def answers_no_hundred(_running: Running, _bench: Bench, count: int) -> list[float]:
        if count > 1:
            raise TimeoutError("timed out")
        return [1.0]

    measured = dataclasses.replace(EXPERIMENTS["idle"], measure=answers_no_hundred)
    monkeypatch.setitem(EXPERIMENTS, "idle", measured)
    assert main(["idle", "--most", "64", "--output", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "* 64: no result: timed out" in said
    assert "A unit costs 1.00 times" in said


def test_every_cost_of_a_unit_is_watched() -> None:
    experiment = dataclasses.replace(EXPERIMENTS["idle"], costs=2, base=1)
    series = Series(experiment, {1: [9.0, 9.0, 9.0], 64: [1.0, 2.0, 1.0], 1000: [1.5, 5.0, 7.0]})
    assert series.growth == series.steepest == [1.5, 2.5]
    assert Series(experiment).growth == Series(experiment).steepest == []


def test_the_steepest_step_counts_and_not_the_sum_of_all() -> None:
    """From the base on: the cost of starting, which only the first has, does not belong to a step."""
    experiment = dataclasses.replace(EXPERIMENTS["idle"], costs=1, base=1)
    series = Series(experiment, {1: [1.0], 64: [8.0], 1000: [12.0], 10_000: [24.0]})
    assert (series.growth, series.steepest) == ([3.0], [2.0])


def test_a_machine_with_more_cores_has_one_for_each_worker() -> None:
    assert Cores(server=3, load=2, others=(0, 1)).of_workers(2) == {3, 0}
    assert Cores(server=1, load=0).of_workers(2) == {1}


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["unknown"])
    assert "unknown: choose from active" in capsys.readouterr().err
