"""The command: `python -m benchmarks.overload [saturation | slow | leaks]... [OPTIONS]`; all of them by default."""

import argparse
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.charts import Bar, Group, bar_chart
from benchmarks.overload import leaks, saturation, slow
from benchmarks.processes import Cores
from benchmarks.report import table

EXPERIMENTS = ("saturation", "slow", "leaks")

Results = dict[str, dict[float, saturation.Outcome]]

HEAD = ["server", "goodput", "503", "lost", "p50 ms", "p99 ms", "health ms", "load late ms", "probes lost"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    os.sched_setaffinity(0, {Cores.choose().load})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for experiment in options.experiments or EXPERIMENTS:
        _ACTIONS[experiment](options)
    return 0


def _saturate(options: argparse.Namespace) -> None:
    results: Results = {name: {} for name in options.servers}
    for load in saturation.LOADS:
        for name in options.servers:
            results[name][load] = saturation.measure(name, load, options.seconds)
    parts = ["# Under load, measured", _ABOUT.format(seconds=options.seconds)]
    parts += [f"## {title}\n\n{table(HEAD, lines)}" for title, lines in saturation.tables(results)]
    page = "\n\n".join(parts) + "\n"
    print(page)
    if options.output is None:
        return
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "saturation.md").write_text(page, encoding="utf-8")
    for name, title, digits in _CHARTS:
        chart = bar_chart(title, [_group(results, load, name, digits) for load in saturation.LOADS])
        (options.output / f"{name}.svg").write_text(chart, encoding="utf-8")


_ABOUT = (
    "Made by `python -m benchmarks.overload saturation`: an application that keeps the loop busy for 20 ms a request, "
    "an open load on kept connections, {seconds:g} s a load after two to warm up, answers that take more than 5 s "
    "are lost."
)

_CHARTS = (
    ("goodput", "Served in time, as a share of the capacity (more is better)", 2),
    ("p99", "99th percentile of the latency of what was served, ms (less is better)", 0),
    ("refused", "Share of requests that got 503", 2),
    ("health", "Slowest answer to a health probe, ms (less is better)", 0),
)


def _group(results: Results, load: float, figure: str, digits: int) -> Group:
    bars = [Bar(name, getattr(outcomes[load], figure)) for name, outcomes in results.items()]
    return Group(f"{load:g} times the capacity", bars, digits)


def _slow_clients(options: argparse.Namespace) -> None:
    outcome = slow.measure(options.divisor)
    held = "not all were let go" if outcome.held is None else f"rid of all of them after {outcome.held:.1f} s"
    print(f"{outcome.clients} slow clients: {held}")
    print(f"beside them: {outcome.served} served, {outcome.refused} refused, {outcome.lost} lost", end="; ")
    print(f"p50 {outcome.p50 or 0:.1f} ms, p99 {outcome.p99 or 0:.1f} ms")


def _leak(options: argparse.Namespace) -> None:
    outcome = leaks.measure(options.requests)
    print(f"{options.requests} requests: {dict(sorted(outcome.ends.items()))}")
    print(f"left afterwards: {outcome.left}")
    print("memory:", ", ".join(f"{size / 2**20:.1f}" for size in outcome.memory), "MiB")


_ACTIONS = {"saturation": _saturate, "slow": _slow_clients, "leaks": _leak}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=", ".join(EXPERIMENTS))
    parser.add_argument("--seconds", type=float, default=10, help="of each load of the saturation; default: 10")
    parser.add_argument("--servers", type=lambda text: text.split("/"), default=list(saturation.SETTINGS))
    parser.add_argument("--divisor", type=int, default=1, help="take only this part of the slow clients; default: 1")
    parser.add_argument("--requests", type=int, default=100_000, help="of the search for leaks; default: 100000")
    parser.add_argument("--output", type=Path, help="directory for the page and the charts, such as docs/benchmarks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
