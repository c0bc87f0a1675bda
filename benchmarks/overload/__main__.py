"""The command: `python -m benchmarks.overload [EXPERIMENT]... [OPTIONS]`; all experiments by default.

Prints a page, writes it with its charts where `--output` says, and exits with 1 if a bar is not cleared.
"""

import argparse
import os
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.output import bar_list, made_by, save
from benchmarks.overload import episode, leaks, page, saturation, slow, waiting
from benchmarks.overload.page import Section
from benchmarks.processes import Cores


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    os.sched_setaffinity(0, {Cores.choose().load})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sections = [EXPERIMENTS[name](options) for name in options.experiments or EXPERIMENTS]
    bars = [bar for section in sections for bar in section.bars]
    parts = ["# Under overload, measured", f"{made_by('benchmarks.overload')}.", *(each.text for each in sections)]
    text = "\n\n".join([*parts, "## Bars", bar_list(bars)]) + "\n"
    print(text)
    files = {name: content for section in sections for name, content in section.files.items()}
    save(options.output, {"results.md": text, **files})
    return 0 if all(is_cleared for _, is_cleared in bars) else 1


def _saturation(options: argparse.Namespace) -> Section:
    results: dict[str, dict[float, saturation.Outcome]] = {name: {} for name in options.servers}
    for load in saturation.LOADS:
        for name in options.servers:
            results[name][load] = saturation.measure(name, load, options.seconds)
    return page.of_saturation(results)


def _episode(options: argparse.Namespace) -> Section:
    return page.of_episode(episode.measure(options.seconds))


def _waiting(options: argparse.Namespace) -> Section:
    clients = waiting.CLIENTS // options.divisor
    return page.of_waiting({kind: waiting.measure(kind, clients) for kind in waiting.KINDS})


def _slow(options: argparse.Namespace) -> Section:
    return page.of_slow(slow.measure(options.divisor))


def _leaks(options: argparse.Namespace) -> Section:
    return page.of_leaks(options.requests, leaks.measure(options.requests))


EXPERIMENTS: Mapping[str, Callable[[argparse.Namespace], Section]] = {
    "saturation": _saturation,
    "episode": _episode,
    "waiting": _waiting,
    "slow": _slow,
    "leaks": _leaks,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", choices=[[], *EXPERIMENTS], default=[])
    parser.add_argument("--seconds", type=float, default=10, help="of each load and of the overload; default: 10")
    parser.add_argument("--servers", type=lambda text: text.split("/"), default=list(saturation.SETTINGS))
    parser.add_argument("--divisor", type=int, default=1, help="divide the size of all crowds by this; default: 1")
    parser.add_argument("--requests", type=int, default=100_000, help="in the search for leaks; default: 100000")
    parser.add_argument("--output", type=Path, help="directory for the page and the charts, such as docs/overload")
    return parser


if __name__ == "__main__":
    sys.exit(main())
