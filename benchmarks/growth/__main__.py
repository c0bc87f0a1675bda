"""The command: `python -m benchmarks.growth [EXPERIMENTS] [OPTIONS]`. It measures, and writes a page with charts."""

import argparse
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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

KEEP_ALIVE = 120
"""Seconds for which idle connections must be kept."""

DESCRIPTORS = 12_000
"""Files that servers and clients may have open."""

TOLERATED = 2.0
"""How much more a unit may cost after a step than before it, for caches and noise.

What is not linear shows by another order: ten times as many of something, ten times the cost of each.
"""


@dataclass(frozen=True, slots=True)
class Series:
    """What one experiment has found, step by step."""

    experiment: Experiment
    found: dict[int, list[float]] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    """The steps without a result, each with the reason."""

    @property
    def growth(self) -> list[float]:
        """What each cost of a unit has become from the base to the last step; what is added where steps add to one."""
        lines = self._from_base()
        if not lines:
            return []
        if self._adds:
            return [self._added()]
        return [lines[-1][index] / lines[0][index] for index in range(self.experiment.costs)]

    @property
    def steepest(self) -> list[float]:
        """What each cost of a unit has become in the step, from the base on, in which it has grown most."""
        lines = self._from_base()
        if self._adds or len(lines) < 2:
            return self.growth
        return [
            max(after[index] / before[index] for before, after in pairwise(lines))
            for index in range(self.experiment.costs)
        ]

    @property
    def _adds(self) -> bool:
        return self.experiment.adds and len(self.found) > 2

    def _from_base(self) -> list[list[float]]:
        lines = list(self.found.values())
        return lines[min(self.experiment.base, len(lines) - 1) :] if lines else []

    def _added(self) -> float:
        costs, steps = [values[0] for values in self.found.values()], list(self.found)
        middle = len(costs) // 2
        first = (costs[middle] - costs[0]) / (steps[middle] - steps[0])
        return (costs[-1] - costs[middle]) / (steps[-1] - steps[middle]) / first


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 1 when a cost grows faster than its work, or a step has no result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=f"default: {' '.join(EXPERIMENTS)}")
    parser.add_argument("--server", choices=SERVERS, default="esg")
    parser.add_argument("--most", type=int, default=1 << 40, help="leave out steps above this number")
    parser.add_argument("--output", type=Path, help="directory for the page and its charts")
    options = parser.parse_args(arguments)
    if unknown := set(options.experiments).difference(EXPERIMENTS):
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(EXPERIMENTS)}")
    allow_descriptors(DESCRIPTORS)
    bench = Bench(Cores.choose())
    series = {name: _measure(EXPERIMENTS[name], bench, options) for name in options.experiments or EXPERIMENTS}
    page = _page(options.server, series)
    print(page)
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "results.md").write_text(page, encoding="utf-8")
        for name, measured in series.items():
            (options.output / f"{name}.svg").write_text(_chart(measured), encoding="utf-8")
    return 1 if _steep(series) or any(measured.lost for measured in series.values()) else 0


def _measure(experiment: Experiment, bench: Bench, options: argparse.Namespace) -> Series:
    series = Series(experiment)
    websocket = "websocket" in experiment.app
    for step in (step for step in experiment.steps if step <= options.most):
        print(f"{experiment.title}: {step}", file=sys.stderr)
        workers = step if experiment.workers else None
        launch = Launch(experiment.app, free_port(), websocket=websocket, keep_alive=KEEP_ALIVE, workers=workers)
        try:
            with bench.start(options.server, launch, Question(b"Hello, World!")) as running:
                series.found[step] = experiment.measure(running, bench, step)
        except (LoadError, ServerError, OSError) as error:
            series.lost[step] = str(error)
            print(f"{experiment.title}: {step} failed: {error}", file=sys.stderr)
    return series


def _steep(series: Mapping[str, Series]) -> list[str]:
    """The titles of the experiments whose unit cost grows with their number."""
    return [measured.experiment.title for measured in series.values() if max(measured.steepest, default=0) > TOLERATED]


def _page(server: str, series: Mapping[str, Series]) -> str:
    made = f"Made by `python -m benchmarks.growth`, {time.strftime('%Y-%m-%d')}: {machine()}; {server}, "
    parts = ["# The cost as work grows", f"{made}Python {platform.python_version()}."]
    for name, measured in series.items():
        parts += [*_section(measured), f"![{measured.experiment.title}]({name}.svg)"]
    steep = _steep(series)
    verdict = f"Steeper than linear: {', '.join(steep)}." if steep else "Nothing grows faster than its work."
    return "\n\n".join([*parts, "## Verdict", verdict]) + "\n"


def _section(series: Series) -> list[str]:
    experiment = series.experiment
    lines = [[f"{step:,}", *(f"{value:,.1f}" for value in values)] for step, values in series.found.items()]
    parts = [f"## {experiment.title}", table([experiment.of, *experiment.columns], lines)]
    if series.lost:
        parts.append("\n".join(f"* {step:,}: no result: {reason}" for step, reason in series.lost.items()))
    if series.growth:
        unit = "What a step adds" if experiment.adds else "A unit"
        times = " and ".join(f"{growth:.2f}" for growth in series.growth)
        most = " and ".join(f"{growth:.2f}" for growth in series.steepest)
        said = f"{unit} costs {times} times as much at the end as at the base"
        parts.append(f"{said}." if series.steepest == series.growth else f"{said}, and {most} after the steepest step.")
    return parts


def _chart(series: Series) -> str:
    groups = [
        Group(column, [Bar(f"{step:,}", values[index]) for step, values in series.found.items()])
        for index, column in enumerate(series.experiment.columns)
    ]
    return bar_chart(f"{series.experiment.title}, by {series.experiment.of}", groups)


if __name__ == "__main__":
    sys.exit(main())
