"""The cost as work grows: the command measures for real, and says when a cost grows faster than its work."""

import sys
from pathlib import Path

import pytest

from benchmarks.growth import __main__ as command
from benchmarks.growth import experiments
from benchmarks.growth.__main__ import main
from benchmarks.growth.experiments import EXPERIMENTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time and memory are read from Linux's /proc")


@pytest.mark.parametrize("name", ["fields", "uploads"])
def test_an_experiment_is_measured_and_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "REQUESTS", 400)
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


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["unknown"])
    assert "unknown: choose from active" in capsys.readouterr().err
