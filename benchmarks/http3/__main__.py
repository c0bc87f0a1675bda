"""The command: `python -m benchmarks.http3 [LOAD]... [OPTIONS]`; all loads by default.

For each load, the servers are started on one core, and all but one are stopped by SIGSTOP while that one is loaded by a
client on the other core. What counts is the CPU time of the server's processes for each request, round by round. Prints
the page, writes it where `--output` says, and exits with 1 if ESG's requests per CPU are not twice hypercorn's.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.http3.loads import LOADS
from benchmarks.http3.measuring import IDLE, Failed, fleet, measure
from benchmarks.names import one_of
from benchmarks.output import machine
from benchmarks.processes import Bench, Cores, make_certificate
from benchmarks.report import table

SERVERS = ("esg", "hypercorn")
"""The servers in Python that speak HTTP/3."""

BAR = 2.0
"""How many times hypercorn's requests per CPU ESG's are at least, in the loads of `JUDGED`."""

JUDGED = ("get-10", "get-100")

Found = Mapping[str, Mapping[str, list[float] | str]]
"""Figures by load and server, or why there are none: microseconds of a request, or bytes of a connection."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    bench, load = Bench(Cores.choose()), os.getloadavg()[0]
    found: dict[str, dict[str, list[float] | str]] = {}
    with tempfile.TemporaryDirectory() as directory:
        certificate = make_certificate(Path(directory))
        for name in options.loads or LOADS:
            found[name] = {server: [] for server in options.servers}
            with fleet(bench, options.servers, LOADS[name].app, certificate) as servers:
                for _ in range(1 if name == IDLE else options.rounds):
                    for server, running in servers.items():
                        figures = found[name][server]
                        if isinstance(figures, str):
                            continue
                        try:
                            figures.append(measure(bench, running, name))
                        except Failed as error:
                            found[name][server] = str(error)
            print(name, found[name], file=sys.stderr, flush=True)
    page = results_page(found, options.servers, f"{options.rounds} rounds; load average {load:.1f} when it began")
    print(page)
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(page, encoding="utf-8")
    return 0 if all(ratio >= BAR for ratio in ratios(found, JUDGED)) else 1


def results_page(found: Found, servers: Sequence[str], how: str) -> str:
    """The page: a table of CPU times, one of memory, and how they were made."""
    made = (
        f"Made by `python -m benchmarks.http3`, {time.strftime('%Y-%m-%d')}: {machine()}; Python "
        f"{sys.version.split()[0]}; {how}. Each figure is the median of the rounds, of the CPU time of all processes "
        "of the server; the client is aioquic's, in a process of its own."
    )
    head = ["", *servers, f"{servers[-1]} / {servers[0]}" if len(servers) > 1 else "ratio"]
    times = [_line(name, found[name], servers, 0) for name in found if name != IDLE]
    memory = [_line(name, found[name], servers, 1) for name in found if name == IDLE]
    parts = ["# HTTP/3, measured", made]
    if times:
        parts.append("## CPU, µs\n\n" + table(head, times))
    if memory:
        parts.append("## Memory, KiB\n\n" + table(head, memory))
    return "\n\n".join(parts) + "\n"


def ratios(found: Found, names: Sequence[str]) -> list[float]:
    """By how much more CPU the last server needs than the first; 0 where a figure is missing."""
    made = []
    for name in names:
        figures = list(found.get(name, {}).values())
        if len(figures) > 1:
            first, last = median(figures[0]), median(figures[-1])
            made.append(last / first if first and last else 0.0)
    return made


def median(figures: list[float] | str) -> float:
    """The median; 0 if there is no figure."""
    return statistics.median(figures) if figures and not isinstance(figures, str) else 0.0


def _line(name: str, figures: Mapping[str, list[float] | str], servers: Sequence[str], digits: int) -> list[str]:
    scale = 1024 if name == IDLE else 1
    cells = [
        f"{median(figures[server]) / scale:,.{digits}f}" if median(figures[server]) else str(figures[server] or "-")
        for server in servers
    ]
    ratio = ratios({name: figures}, [name])
    return [LOADS[name].title, *cells, f"{ratio[0]:.1f}" if ratio and ratio[0] else "-"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http3", description=__doc__)
    parser.add_argument("loads", nargs="*", metavar="LOAD", choices=[[], *LOADS], default=[])
    parser.add_argument("--servers", type=one_of(SERVERS), default=list(SERVERS), help="the first is judged")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="file of the page, such as docs/http3/results.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
