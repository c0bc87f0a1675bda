"""The benchmark of HTTP/3: its evaluation of figures, its client, and what a GET may cost."""

import asyncio
import sys
from pathlib import Path

import pytest

from benchmarks.http3.__main__ import JUDGED, ratios, results_page
from benchmarks.http3.in_memory import count_http3
from benchmarks.processes import make_certificate

FOUND: dict[str, dict[str, list[float] | str]] = {
    "get-10": {"esg": [100.0, 90.0, 130.0], "hypercorn": [420.0, 450.0]},
    "get-100": {"esg": [70.0], "hypercorn": "no result in 120 s"},
    "idle": {"esg": [81920.0], "hypercorn": [102400.0]},
}


def test_the_bar_is_judged_by_medians() -> None:
    assert ratios(FOUND, JUDGED) == [4.35, 0.0]


def test_the_page_tells_what_is_missing() -> None:
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in results_page(FOUND, ["esg", "hypercorn"], "3 rounds").splitlines()
        if line.startswith(("| GET", "| idle"))
    ]
    assert lines == [
        ["GET, 13 bytes, 10 streams", "100", "435", "4.3"],
        ["GET, 13 bytes, 100 streams", "70", "no result in 120 s", "-"],
        ["idle connection, of 1,000", "80.0", "100.0", "1.2"],
    ]


def test_the_client_in_memory_is_answered_by_esg_only(tmp_path: Path) -> None:
    counted = count_http3(make_certificate(tmp_path))
    assert {calls for code, (calls, _) in counted.items() if code.co_qualname == "Cycle.run"} == {1.0}
    assert all("/esg_" in code.co_filename.replace("\\", "/") for code in counted)


BUDGET = {(3, 11): 3030, (3, 13): 2775}
"""Instructions of ESG's for a GET, one at a time: QUIC's adapter included, without aioquic's; see `test_budget`."""

BY_THE_CLOCK = ("timers.py", "deadlines.py", "turns.py")
"""Modules whose work depends on how long the count takes: QUIC needs a clock that runs."""


@pytest.mark.skipif(sys.version_info[:2] not in BUDGET, reason="each version has its own instructions")
def test_a_get_keeps_to_its_budget(tmp_path: Path) -> None:
    budget, certificate = BUDGET[sys.version_info[:2]], make_certificate(tmp_path)
    counts = [
        sum(
            many
            for code, (_, many) in count_http3(certificate, run=asyncio.run).items()
            if not code.co_filename.endswith(BY_THE_CLOCK)
        )
        for _ in range(3)
    ]
    assert budget * 0.95 < min(counts) <= budget, counts
