"""The command measures for real: one row, one server, one second; and a broken server is reported, not fatal."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.processes import Bench, Cores, ServerError, free_port
from benchmarks.rows import ROWS, Question
from benchmarks.servers import SERVERS, Launch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time and memory are read from Linux's /proc")


def test_one_row_is_measured_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--rows", "get", "--servers", "esg", "--rounds", "1", "--seconds", "1", "--output", str(tmp_path)])
    assert code == 0
    assert "GET, 13 bytes" in capsys.readouterr().out
    written = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    figures = written["rows"]["get"]["servers"]["esg"]["median"]
    assert 0.5 < figures["cpu_us"] < 500
    assert figures["rps"] > 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "results.json", "results.md", "cpu_us.svg", "rps.svg", "p99_ms.svg",
    }  # fmt: skip


def test_a_server_that_cannot_start_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SERVERS, "uvicorn", lambda launch: ["-c", "raise SystemExit('no such luck')"])
    assert main(["quick", "--rows", "get", "--servers", "uvicorn", "--rounds", "1"]) == 1
    assert "get, uvicorn: 1 rounds failed; round 1: exited with 1: no such luck" in capsys.readouterr().out


def test_a_wrong_answer_is_found_before_measuring() -> None:
    launch = Launch("benchmarks.apps:hello", free_port())
    with (
        pytest.raises(ServerError, match="wrong answer: 200, 13 bytes"),
        Bench(Cores.choose()).start("floor", launch, Question(b"something else")),
    ):
        pass


def test_the_tables_fit_each_other() -> None:
    assert {server for row in ROWS.values() for server in row.servers} == set(SERVERS)


@pytest.mark.parametrize("wrong", ["--rows=get,unknown", "--servers=unknown"])
def test_unknown_names_are_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", wrong])
    assert "unknown: choose from" in capsys.readouterr().err
