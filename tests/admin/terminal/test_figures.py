"""M-11: figures in a terminal are those of the page, whose tests take the same cases."""

import re

import pytest

from esg_admin.terminal import writing
from esg_admin.terminal.figures import POINTS, Documents, quantile
from tests.support.admin.figure_cases import DOCUMENTS, QUANTILES, SHARES, WRITTEN, stats_of


@pytest.mark.parametrize(("function", "value", "text"), WRITTEN)
def test_m11_how_figures_are_written(function: str, value: float | None, text: str) -> None:
    name = re.sub("([A-Z])", lambda found: f"_{found[0].lower()}", function)
    assert getattr(writing, name)(value) == text


@pytest.mark.parametrize("name", QUANTILES)
def test_m11_quantiles_are_those_of_histogram_quantile(name: str) -> None:
    case = QUANTILES[name]
    found = [quantile(share, case["bounds"], case["counts"]) for share in case["shares"]]
    assert found == [one if one is None else pytest.approx(one) for one in case["expected"]]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_m11_what_documents_say_together(name: str) -> None:
    case = DOCUMENTS[name]
    documents = Documents()
    for stats in stats_of(case):
        documents.add(stats)
    found = {
        "rate": documents.rate(lambda then: then["totals"]["requests_total"]),
        "quantiles": documents.quantiles(SHARES),
        "busy": [documents.busy_share(worker) for worker in documents.last["workers"]],
    }
    for figure, expected in case["expected"].items():
        assert found[figure] == pytest.approx(expected), figure


def test_m11_only_so_many_documents_are_kept() -> None:
    documents = Documents()
    stats = stats_of(DOCUMENTS["two documents"])[0]
    for second in range(POINTS + 7):
        documents.add({**stats, "uptime": second})
    assert [one["uptime"] for one in documents.kept] == list(range(7, POINTS + 7))


def test_m11_refusals_of_late_and_in_all() -> None:
    documents = Documents()
    first, last = stats_of(DOCUMENTS["two documents"])
    first["totals"]["refused_total"] = {"queue_full": 7, "saturated": 0}
    last["totals"]["refused_total"] = {"queue_full": 9, "saturated": 0, "draining": 20}
    documents.add(first)
    documents.add(last)
    assert documents.refused() == [("draining", 20, 20), ("queue_full", 2, 9)]


def test_m11_what_clients_send_cannot_control_the_terminal() -> None:
    assert (
        writing.printable("/a\x1b[2J\r\n\x9bé")
        == "/a\N{REPLACEMENT CHARACTER}[2J" + 3 * "\N{REPLACEMENT CHARACTER}" + "é"
    )
