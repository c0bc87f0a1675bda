"""Turns the results into the page: a table for each figure, and the reasons for what is missing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.arena.profiles import PROFILES, SERVERS, reason
from benchmarks.report import failures, number, table, with_spread
from benchmarks.results import METRICS, Metric, Outcome, Results, ratio

FIGURES = METRICS[:2]
"""Not the latency: at full load it is that of the queue, and wrk does not know it for requests in a pipeline."""

INTRODUCTION = """\
# Profiles of HttpArena, measured

The profiles of the public benchmark [HttpArena](https://github.com/MDA2AV/HttpArena) that need no database, rebuilt
from their description. Each server is one worker on one core and runs the same ASGI application; the clients (wrk,
h2load, and our own for WebSocket) have the other core. HttpArena itself uses 64 cores and 512 connections or more, so
its figures cannot be compared with these; [the method](../../benchmarks/README.md#arena) says what else differs.
"""


def page(about: Mapping[str, Any], results: Results) -> str:
    """The whole page in Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    made = (
        f"Made by `python -m benchmarks.arena`, {about['date']}: {about['machine']}; {about['python']}; {versions}; "
        f"medians of {about['rounds']} rounds of {about['seconds_a_round']} s, ± half of their range."
    )
    parts = [INTRODUCTION + "\n" + made]
    parts += [f"## {metric.title}\n\n{_metric_table(metric, results)}" for metric in FIGURES]
    parts += [f"## ESG's CPU a request, to that of others (below 1.00, ESG is cheaper)\n\n{_ratios(results)}"]
    if missing := [*_cannot(results), *filter(None, [failures(results, {})])]:
        parts.append("## Not measured\n\n" + "\n".join(missing))
    return "\n\n".join(parts) + "\n"


def _servers(results: Results) -> list[str]:
    return [server for server in SERVERS if any(server in outcomes for outcomes in results.values())]


def _lines(
    results: Results, servers: Sequence[str], cell: Callable[[Mapping[str, Outcome], str], str]
) -> list[list[str]]:
    return [
        [f"{name}: {PROFILES[name].title}", *(cell(outcomes, server) for server in servers)]
        for name, outcomes in results.items()
    ]


def _metric_table(metric: Metric, results: Results) -> str:
    def cell(outcomes: Mapping[str, Outcome], server: str) -> str:
        return with_spread(outcomes.get(server, Outcome()).values(metric.name), metric)

    servers = _servers(results)
    return table(["", *servers], _lines(results, servers, cell))


def _ratios(results: Results) -> str:
    def cell(outcomes: Mapping[str, Outcome], server: str) -> str:
        return number(ratio(outcomes.get("esg", Outcome()), outcomes.get(server, Outcome())), 2)

    peers = [server for server in _servers(results) if server != "esg"]
    return table(["", *peers], _lines(results, peers, cell))


def _cannot(results: Results) -> list[str]:
    """One line for each server and reason, with the profiles that it concerns."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for name in results:
        for server in _servers(results):
            if said := reason(server, PROFILES[name]):
                by_reason.setdefault((server, said), []).append(name)
    return [f"* {', '.join(names)}, {server}: {said}" for (server, said), names in by_reason.items()]
