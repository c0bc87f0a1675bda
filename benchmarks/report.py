"""Turns results into text: tables of Markdown, and the JSON that keeps every round.

It computes nothing but the summaries of `benchmarks.results`, and writes no file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.footprint.measuring import FIGURES, Footprint
from benchmarks.results import METRICS, Metric, Outcome, Results, median, ratio, spread
from benchmarks.rows import ROWS, Row

REFERENCES = ("uvicorn", "granian", "fastpysgi", "floor")
_NOTHING = "-"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table with aligned columns: the first to the left, the others to the right."""
    rows = [tuple(head), *(tuple(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        return f"| {' | '.join([cells[0].ljust(widths[0]), *padded[1:]])} |"

    rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
    return "\n".join([line(rows[0]), f"|{rule}|", *map(line, rows[1:])])


def ratio_table(results: Results) -> str:
    """CPU per request of all servers, and ESG's as a ratio to its references: one line per row."""
    servers = list(dict.fromkeys(server for outcomes in results.values() for server in outcomes))
    references = [server for server in REFERENCES if server in servers]
    head = ["CPU µs a request", *servers, *(f"esg/{reference}" for reference in references)]
    return table(head, [_ratio_line(name, results[name], servers, references) for name in results])


def _ratio_line(
    name: str, outcomes: Mapping[str, Outcome], servers: Sequence[str], references: Sequence[str]
) -> list[str]:
    absent = Outcome()
    esg = outcomes.get("esg", absent)
    cells = [with_spread(outcomes.get(server, absent).values("cpu_us")) for server in servers]
    ratios = [number(ratio(esg, outcomes.get(reference, absent)), 2) for reference in references]
    return [name, *cells, *ratios]


def full_tables(results: Results) -> str:
    """For each row a table of all figures of all servers, and below it the reasons for missing ones."""
    return "\n\n".join(_row_section(name, outcomes) for name, outcomes in results.items())


def _row_section(name: str, outcomes: dict[str, Outcome]) -> str:
    parts = [f"### {ROWS[name].title}", _row_table(outcomes), failures({name: outcomes}, {})]
    return "\n\n".join(part for part in parts if part)


def _row_table(outcomes: Mapping[str, Outcome]) -> str:
    references = [name for name in REFERENCES if name in outcomes]
    head = ["server", "CPU µs a request", *(f"to {name}" for name in references), "requests/s", "p99 ms"]
    return table(head, [_server_line(server, outcomes, references) for server in outcomes])


def _server_line(server: str, outcomes: Mapping[str, Outcome], references: Sequence[str]) -> list[str]:
    outcome = outcomes[server]
    cpu, rps, p99 = (with_spread(outcome.values(metric.name), metric) for metric in METRICS)
    ratios = [number(ratio(outcome, outcomes[reference]), 2) for reference in references]
    return [server, cpu, *ratios, rps, p99]


def number(value: float | None, digits: int) -> str:
    """A figure of a table."""
    return _NOTHING if value is None else f"{value:.{digits}f}"


def with_spread(values: Sequence[float], metric: Metric = METRICS[0]) -> str:
    """The median of the rounds, with half of their range in percent of it."""
    if not values:
        return _NOTHING
    around = f" ±{number(spread(values), 0)}%" if len(values) > 1 else ""
    return f"{number(median(values), metric.digits)}{around}"


def footprint_table(footprints: Mapping[str, Footprint]) -> str:
    """One column per server, one line per figure; empty without footprints."""
    if not footprints:
        return ""
    lines = [
        [figure.title, *(number(of.figures.get(figure.name), figure.digits) for of in footprints.values())]
        for figure in FIGURES
    ]
    return f"### Footprint\n\n{table(['', *footprints], lines)}"


def failures(results: Results, footprints: Mapping[str, Footprint]) -> str:
    """One line for each server that lost rounds of a row, or figures of its footprint."""
    lines = [
        f"* {row}, {server}: {len(outcome.failures)} rounds failed; {outcome.failures[0]}"
        for row, outcomes in results.items()
        for server, outcome in outcomes.items()
        if outcome.failures
    ]
    lines += [f"* footprint, {server}: {of.failure}" for server, of in footprints.items() if of.failure]
    return "\n".join(lines)


def as_json(results: Results, rows: Mapping[str, Row] = ROWS) -> dict[str, Any]:
    """Every round, with the summaries beside it."""
    return {
        name: {"title": rows[name].title, "servers": {server: _outcome(outcomes, server) for server in outcomes}}
        for name, outcomes in results.items()
    }


def _outcome(outcomes: Mapping[str, Outcome], server: str) -> dict[str, Any]:
    outcome = outcomes[server]
    ratios = {reference: ratio(outcome, outcomes.get(reference, Outcome())) for reference in REFERENCES}
    return {
        "median": {metric.name: median(outcome.values(metric.name)) for metric in METRICS},
        "spread_percent": {metric.name: spread(outcome.values(metric.name)) for metric in METRICS},
        "cpu_ratio_to": ratios,
        "rounds": [{"round": number, **asdict(sample)} for number, sample in outcome.samples.items()],
        "failures": outcome.failures,
    }
