"""The command: `python -m benchmarks.footprint [OPTIONS]`. ESG's footprint, its peers' and its targets."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.footprint.measuring import FIGURES, STARTS, Footprint, measure_footprints
from benchmarks.names import one_of
from benchmarks.output import describe
from benchmarks.processes import Bench, Cores
from benchmarks.report import failures, footprint_table, table
from benchmarks.rounds import Plan
from benchmarks.servers import SERVERS

TARGETS = {"connection_bytes": 3072.0, "first_response_ms": 100.0}
"""What some figures should be at most; the others should be no larger than the best peer's."""

PEERS = ("uvicorn", "granian", "hypercorn", "gunicorn", "fastpysgi")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 1 if a figure of ESG is missing, else 0."""
    options = _parser().parse_args(arguments)
    bench, load = Bench(Cores.choose(), options.python), os.getloadavg()[0]
    found = measure_footprints(options.servers, bench, options.starts)
    about = {**describe(Plan([], options.servers, options.starts, 0), bench.python), "load": load}
    page = footprint_page(about, found)
    print(page)
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(page, encoding="utf-8")
    return 1 if len(_figures(found, "esg")) < len(FIGURES) else 0


def footprint_page(about: Mapping[str, object], found: Mapping[str, Footprint]) -> str:
    """The page: all figures of all servers, then ESG's beside its targets and the best peer's."""
    packages = about["packages"]
    assert isinstance(packages, dict)
    versions = ", ".join(f"{name} {version}" for name, version in packages.items() if name in (*found, "uvloop"))
    made = "Made by `python -m benchmarks.footprint`; benchmarks/README.md says how it is measured."
    how = f"{about['rounds']} starts of each; load average {about['load']:.1f}"
    parts = [
        "# Footprint",
        f"{made} {about['date']}: {about['machine']}; {about['python']}; {versions}; {how}.",
        footprint_table(found),
        f"### ESG beside the best peer\n\n{_comparison(found)}",
        failures({}, found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _comparison(found: Mapping[str, Footprint]) -> str:
    lines = []
    for figure in FIGURES:
        peers = {name: found[name].figures[figure.name] for name in PEERS if figure.name in _figures(found, name)}
        own, best = _figures(found, "esg").get(figure.name), min(peers, key=peers.__getitem__, default=None)
        target = TARGETS.get(figure.name)
        lines.append(
            [
                figure.title,
                "-" if own is None else f"{own:.{figure.digits}f}",
                "-" if target is None else f"{target:.{figure.digits}f}",
                "-" if best is None else f"{peers[best]:.{figure.digits}f} ({best})",
            ]
        )
    return table(["", "esg", "target", "best peer"], lines)


def _figures(found: Mapping[str, Footprint], name: str) -> Mapping[str, float]:
    return found[name].figures if name in found else {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    parser.add_argument("--servers", type=one_of(SERVERS), default=[name for name in SERVERS if name != "floor"])
    parser.add_argument("--starts", type=int, default=STARTS, help=f"of each server; default: {STARTS}")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the servers; default: this one")
    parser.add_argument("--output", type=Path, help="file of the page, such as docs/benchmarks/footprint.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
