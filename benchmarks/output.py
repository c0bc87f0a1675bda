"""Writes the files of a run: `results.json`, `results.md`, and one SVG per figure."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.charts import Bar, Group, bar_chart
from benchmarks.footprint.measuring import FIGURES, Footprint
from benchmarks.report import as_json, failures, footprint_table, full_tables
from benchmarks.results import METRICS, Metric, Results, median
from benchmarks.rounds import Plan
from benchmarks.rows import ROWS
from benchmarks.servers import PACKAGES

_VERSIONS = """
import importlib.metadata, json, platform, sys
versions = {found.name.lower(): found.version for found in importlib.metadata.distributions()}
found = {name: versions[name] for name in sys.argv[1:] if name in versions}
print(json.dumps({"python": platform.python_implementation() + " " + platform.python_version(), "packages": found}))
"""


def describe(plan: Plan, python: str) -> dict[str, Any]:
    """What makes a result meaningful: the machine, the versions, the plan."""
    asked = subprocess.run([python, "-c", _VERSIONS, *PACKAGES], check=True, capture_output=True, text=True)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        **json.loads(asked.stdout),
        "rounds": plan.rounds,
        "seconds_a_round": plan.seconds,
    }


def made_by(module: str) -> str:
    """The beginning of a page: its command, the day, the machine, the interpreter."""
    return f"Made by `python -m {module}`, {time.strftime('%Y-%m-%d')}: {machine()}; Python {platform.python_version()}"


def bar_list(bars: Iterable[tuple[str, bool]]) -> str:
    """A line of Markdown for each bar: its sentence, and whether it is cleared."""
    return "\n".join(f"* {'yes' if is_cleared else 'NO'}: {text}" for text, is_cleared in bars)


def save(directory: Path | None, files: Mapping[str, str]) -> None:
    """Write files by their names, if there is a directory for them; it is made."""
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")


def machine() -> str:
    """Processor, cores and system."""
    return f"{_cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def write_files(
    directory: Path, about: Mapping[str, Any], results: Results, footprints: Mapping[str, Footprint]
) -> list[Path]:
    """Write all files; returns their paths."""
    everything = {
        "about": about,
        "rows": as_json(results),
        "footprints": {server: asdict(footprint) for server, footprint in footprints.items()},
    }
    texts = {"results.json": json.dumps(everything, indent=2) + "\n", "results.md": _page(about, results, footprints)}
    if results:
        texts |= {f"{metric.name}.svg": _metric_chart(metric, results) for metric in METRICS}
    if footprints:
        texts["footprint.svg"] = _footprint_chart(footprints)
    save(directory, texts)
    return [directory / name for name in texts]


def _page(about: Mapping[str, Any], results: Results, footprints: Mapping[str, Footprint]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    made = "Made by `python -m benchmarks`; benchmarks/README.md says how to read them."
    how = f"{about['rounds']} rounds of {about['seconds_a_round']} s"
    if about.get("neighbour_mib"):
        how += f", beside a neighbour that walks {about['neighbour_mib']} MiB"
    parts = [
        "# Results of the benchmarks",
        f"{made} {about['date']}: {about['machine']}; {about['python']}; {versions}; {how}.",
        full_tables(results),
        footprint_table(footprints),
        failures({}, footprints),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _metric_chart(metric: Metric, results: Results) -> str:
    groups = [
        Group(
            ROWS[name].title, [Bar(server, median(of.values(metric.name))) for server, of in by.items()], metric.digits
        )
        for name, by in results.items()
    ]
    return bar_chart(metric.title, groups)


def _footprint_chart(footprints: Mapping[str, Footprint]) -> str:
    groups = [
        Group(
            figure.title, [Bar(server, of.figures.get(figure.name)) for server, of in footprints.items()], figure.digits
        )
        for figure in FIGURES
    ]
    return bar_chart("Footprint (less is better)", groups)
