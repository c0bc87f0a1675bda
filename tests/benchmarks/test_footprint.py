"""The command measures for real: starts, memory, connections of one server; its page tells what is missing."""

import sys
from pathlib import Path

import pytest

from benchmarks.footprint import measuring
from benchmarks.footprint.__main__ import footprint_page, main
from benchmarks.footprint.measuring import Footprint

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU time and memory are read from Linux's /proc")


def test_the_footprint_is_measured_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "CONNECTIONS", 200)
    monkeypatch.setattr(measuring, "IDLE_SECONDS", 0.2)
    output = tmp_path / "footprint.md"
    assert main(["--servers", "esg", "--starts", "1", "--output", str(output)]) == 0
    page = output.read_text(encoding="utf-8")
    figures = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in page.splitlines() if "|" in line}
    assert 0 < float(figures["Memory of an idle keep-alive connection, bytes"]) < 20_000
    assert float(figures["CPU until the first response, ms"]) > 0


def test_what_is_missing_is_told() -> None:
    about = {"packages": {}, "rounds": 1, "load": 0.5, "date": "today", "machine": "one", "python": "3"}
    found = {
        "esg": Footprint({"pss_mib": 20.0}),
        "granian": Footprint({"pss_mib": 30.0}),
        "uvicorn": Footprint({}, "died"),
    }
    lines = footprint_page(about, found).splitlines()
    assert lines[-1] == "* footprint, uvicorn: died"
    compared = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "granian)" in line]
    assert compared == [["Memory of the idle server (PSS), MiB", "20.0", "-", "30.0 (granian)"]]
