"""How the proof page is made of pages of results: what is read, and what is said of it."""

import pytest

from tests.support.source_tree import ROOT
from tools.proof_headlines import EXPERIMENTS, fairness, fleet, losses, overload, soak
from tools.proof_page import STANDING, page
from tools.result_pages import ResultPage

PAGE = ResultPage(
    """# Fleet

Made by `python -m benchmarks.fleet`, 2026-01-02: a machine.

## Replaced

### haproxy

| server | answers | lost |
|--------|--------:|-----:|
| esg    |    6367 |    0 |
| other  |    1790 |    5 |

### nginx

| server | answers | lost |
|--------|--------:|-----:|
| other  |    4581 |    2 |

## Killed

### haproxy

| server | answers | lost |
|--------|--------:|-----:|
| esg    |    1812 |   70 |

## Bars

* yes: nothing is lost
* NO: nobody waits
"""
)


def test_a_page_is_read() -> None:
    assert PAGE.day == "2026-01-02"
    assert PAGE.bars == [("nothing is lost", True), ("nobody waits", False)]
    assert [under for under, _ in PAGE.tables()] == ["Replaced/haproxy", "Replaced/nginx", "Killed/haproxy"]
    assert PAGE.table("Replaced/nginx") == {"other": {"answers": "4581", "lost": "2"}}


def test_a_page_without_a_day_is_no_result() -> None:
    with pytest.raises(ValueError, match="does not say when it was made"):
        assert ResultPage("# Shares").day


def test_the_losses_of_a_fleet_are_those_of_all_balancers() -> None:
    assert fleet(PAGE).endswith("behind 2 balancers: esg 0; other 7")


def test_the_longest_wait_is_that_of_all_attacks() -> None:
    text = "## A\n\n| ms | esg | other |\n|---|---|---|\n| x | 5 | 9, lost 1 |\n\n## B\n\n| ms | esg | other |\n"
    text += "|---|---|---|\n| y | 7 | no result in 20 s |\n"
    assert fairness(ResultPage(text)).endswith(": esg 7; other 9")


def test_losses_are_told_apart_from_those_of_killed_workers() -> None:
    head = (
        "|  | checked answers | lost | of killed workers | requests of wrk | lost by wrk | seconds |\n|-|-|-|-|-|-|-|\n"
    )
    lines = "| 2 restarts | 600 | 1 | 0 | 400 | 2 | 9 |\n| 5 killed workers | 500 | 0 | 4 | 500 | 8 | 9 |\n"
    said = losses(ResultPage(head + lines))
    assert said == "3 of 2,000 answers lost in 2 restarts, 5 killed workers; 12 that killed workers had begun"


def test_overload_and_soak_are_summed_up() -> None:
    head = "## Saturation\n\n### 10 times the capacity\n\n| server | goodput | p99 ms |\n|-|-|-|\n"
    lines = "| esg | 95% | 216 |\n| other | 0% | 4000 |\n"
    assert overload(ResultPage(head + lines)).endswith(": esg 95%; other 0%; p99 of ESG 216 ms")
    lines = "| traffic | done | again | failed |\n|-|-|-|-|\n| a | 1500 | 0 | 0 |\n| all | 1500 | 0 | 0 |\n"
    assert soak(ResultPage(lines)) == "1,500 exchanges of 1 kinds, 0 failed"


def test_every_experiment_and_every_test_that_stands_for_a_suite_is_on_the_page() -> None:
    text = page()
    assert [each.page for each in EXPERIMENTS if f"]({each.page})" not in text] == []
    paths = [path for paths in STANDING.values() for path in paths]
    assert [path for path in paths if f"](../tests/{path})" not in text] == []
    assert [path for path in paths if not (ROOT / "tests" / path).is_file()] == []
