"""The figures that sum up the rounds, and the tables and charts that show them."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from benchmarks.charts import Bar, Group, bar_chart
from benchmarks.loads import NoResult
from benchmarks.output import write_files
from benchmarks.report import as_json, failures, full_tables, ratio_table, table
from benchmarks.results import Outcome, Sample, median, ratio, spread


def outcome(*cpu: float, first: int = 1) -> Outcome:
    return Outcome({number: Sample(value, 1000.0, 2.0) for number, value in enumerate(cpu, first)})


RESULTS = {"get": {"esg": outcome(10, 12, 11), "uvicorn": outcome(20, 24, 22), "granian": Outcome(failures=["died"])}}


def test_median_and_spread() -> None:
    assert median([3, 1, 2]) == 2
    assert spread([9, 10, 11]) == 10
    assert median([]) is spread([]) is None


def test_a_ratio_is_taken_within_each_round() -> None:
    assert ratio(outcome(10, 30, 10), outcome(20, 60, 20)) == 0.5


def test_a_round_that_one_of_them_lost_has_no_ratio() -> None:
    assert ratio(outcome(10, 11, first=2), outcome(99, 20, first=1)) == 0.5
    assert ratio(outcome(10), Outcome()) is None


def test_a_table_is_aligned() -> None:
    assert table(["a", "b"], [["row", "1"], ["x", "22"]]).splitlines() == [
        "| a   |  b |",
        "|-----|---:|",
        "| row |  1 |",
        "| x   | 22 |",
    ]


def test_the_table_of_ratios_has_every_server_and_both_references() -> None:
    head, _, line = ratio_table(RESULTS).splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")][1:] == [
        "esg", "uvicorn", "granian", "esg/uvicorn", "esg/granian",
    ]  # fmt: skip
    assert [cell.strip() for cell in line.strip("|").split("|")] == ["get", "11.0 ±9%", "22.0 ±9%", "-", "0.50", "-"]


def test_a_table_of_a_row_compares_with_the_references_that_are_in_it() -> None:
    lines = full_tables({"get": {"esg": outcome(10, 12), "floor": outcome(5, 8)}}).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    assert cells[0] == ["server", "CPU µs a request", "to floor", "requests/s", "p99 ms"]
    assert [(line[0], line[2]) for line in cells[1:]] == [("esg", "1.75"), ("floor", "1.00")]


def test_a_failed_server_is_named_with_its_reason() -> None:
    assert failures(RESULTS, {}) == "* get, granian: 1 rounds failed; died"
    assert full_tables(RESULTS).endswith("|\n\n* get, granian: 1 rounds failed; died")


def test_files_with_holes_are_readable(tmp_path: Path) -> None:
    about = {"date": "today", "machine": "one", "python": "3", "packages": {}, "rounds": 3, "seconds_a_round": 4}
    lost = {"get": {"esg": Outcome(), "uvicorn": Outcome(failures=[f"round 1: {NoResult(24)}, not tried again"])}}
    for results in (RESULTS, lost):
        write_files(tmp_path, about, results, {})
        written = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["rows"]["get"]["servers"]
        page = (tmp_path / "results.md").read_text(encoding="utf-8")
        ET.parse(tmp_path / "cpu_us.svg")
    assert written["uvicorn"]["median"] == {"cpu_us": None, "rps": None, "p99_ms": None}
    assert "| uvicorn |                - |" in page
    assert page.count("* get, uvicorn: 1 rounds failed; round 1: no result in 24 s, not tried again") == 1


def test_the_json_keeps_every_round() -> None:
    uvicorn = as_json(RESULTS)["get"]["servers"]["uvicorn"]
    assert [kept["cpu_us"] for kept in uvicorn["rounds"]] == [20, 24, 22]
    assert uvicorn["median"]["cpu_us"] == 22
    assert as_json(RESULTS)["get"]["servers"]["granian"]["failures"] == ["died"]


def test_a_chart_is_well_formed_and_to_scale() -> None:
    chart = bar_chart("CPU <µs> & more", [Group("GET", [Bar("esg", 10.0), Bar("a&b", 20.0), Bar("none", None)])])
    root = ET.fromstring(chart)
    widths = [float(bar.attrib["width"]) for bar in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[0] * 2 == widths[1]
    assert widths[2] == 0
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["CPU <µs> & more", "GET", "esg", "10.0", "a&b", "20.0", "none", "-"]


def test_a_chart_is_readable_on_light_and_on_dark_pages() -> None:
    assert "prefers-color-scheme: dark" in bar_chart("t", [])
