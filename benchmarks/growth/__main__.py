"""The command: `python -m benchmarks.growth [EXPERIMENTS] [OPTIONS]`. It measures, and writes a page with charts."""

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.charts import Bar, Group, bar_chart
from benchmarks.connections import allow_descriptors
from benchmarks.growth.experiments import EXPERIMENTS, Experiment
from benchmarks.loads import LoadError
from benchmarks.output import machine
from benchmarks.processes import Bench, Cores, ServerError, free_port
from benchmarks.report import table
from benchmarks.rows import Question
from benchmarks.servers import SERVERS, Launch

__all__ = ["main"]

KEEP_ALIVE = 120
"""Seconds for which idle connections have to be kept."""

DESCRIPTORS = 12_000
"""Files that servers and clients may have open."""

TOLERATED = 2.0
"""How much more a unit may cost at the last step than at the base, for caches and noise.

What is not linear shows by another order: a hundred times as many of something, a hundred times the cost of each.
"""

Found = dict[int, list[float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 1 when a cost grows faster than its work."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=f"default: {' '.join(EXPERIMENTS)}")
    parser.add_argument("--server", choices=SERVERS, default="esg")
    parser.add_argument("--most", type=int, default=1 << 40, help="leave out the steps above this number")
    parser.add_argument("--output", type=Path, help="a directory for the page and its charts")
    options = parser.parse_args(arguments)
    if unknown := set(options.experiments).difference(EXPERIMENTS):
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(EXPERIMENTS)}")
    allow_descriptors(DESCRIPTORS)
    bench = Bench(Cores.choose())
    found = {name: _measure(EXPERIMENTS[name], bench, options) for name in options.experiments or EXPERIMENTS}
    steep = [EXPERIMENTS[name].title for name, steps in found.items() if _growth(EXPERIMENTS[name], steps) > TOLERATED]
    page = _page(options.server, found, steep)
    print(page)
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "results.md").write_text(page, encoding="utf-8")
        for name, steps in found.items():
            (options.output / f"{name}.svg").write_text(_chart(EXPERIMENTS[name], steps), encoding="utf-8")
    return 1 if steep else 0


def _measure(experiment: Experiment, bench: Bench, options: argparse.Namespace) -> Found:
    found = {}
    for step in (step for step in experiment.steps if step <= options.most):
        print(f"{experiment.title}: {step}", file=sys.stderr)
        launch = Launch(experiment.app, free_port(), websocket="websocket" in experiment.app, keep_alive=KEEP_ALIVE)
        with bench.start(options.server, launch, Question(b"Hello, World!")) as running:
            try:
                found[step] = experiment.measure(running, bench, step)
            except (LoadError, ServerError) as error:
                print(f"{experiment.title}: {step} failed: {error}", file=sys.stderr)
    return found


def _growth(experiment: Experiment, found: Found) -> float:
    """The cost of a unit at the last step by that at the base; of what is added where steps add to a unit."""
    costs = [values[0] for values in found.values()]
    if experiment.adds and len(costs) > 2:
        steps, middle = list(found), len(costs) // 2
        first = (costs[middle] - costs[0]) / (steps[middle] - steps[0])
        return (costs[-1] - costs[middle]) / (steps[-1] - steps[middle]) / first
    return costs[-1] / costs[min(experiment.base, len(costs) - 1)]


def _page(server: str, found: dict[str, Found], steep: Sequence[str]) -> str:
    made = f"Made by `python -m benchmarks.growth`, {time.strftime('%Y-%m-%d')}: {machine()}; {server}, "
    parts = ["# The cost as work grows", f"{made}Python {platform.python_version()}."]
    for name, steps in found.items():
        experiment = EXPERIMENTS[name]
        lines = [[f"{step:,}", *(f"{value:,.1f}" for value in values)] for step, values in steps.items()]
        unit = "What a step adds" if experiment.adds else "A unit"
        growth = f"{unit} costs {_growth(experiment, steps):.2f} times as much at the end as at the base."
        chart = f"![{experiment.title}]({name}.svg)"
        parts += [f"## {experiment.title}", table([experiment.of, *experiment.columns], lines), growth, chart]
    verdict = f"Steeper than linear: {', '.join(steep)}." if steep else "Nothing grows faster than its work."
    return "\n\n".join([*parts, "## Verdict", verdict]) + "\n"


def _chart(experiment: Experiment, found: Found) -> str:
    groups = [
        Group(column, [Bar(f"{step:,}", values[index]) for step, values in found.items()])
        for index, column in enumerate(experiment.columns)
    ]
    return bar_chart(f"{experiment.title}, by {experiment.of}", groups)


if __name__ == "__main__":
    sys.exit(main())
