"""The command: `python -m benchmarks.fairness [PROTOCOL/ATTACK]... [OPTIONS]`; all attacks by default.

For each attack, all servers that speak its protocol are started on one core, and all but one are stopped by SIGSTOP.
That one is attacked by a client that sends as much as it can in one go, while an innocent client asks every few
milliseconds on a connection that it keeps. Prints its longest wait, writes it where `--output` says, and exits with 1
if an attack adds more to the wait at ESG than the bar allows.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fairness.attacks import ATTACKS, QUIET
from benchmarks.fairness.page import BAR, NOT_SPOKEN, Cell, Found, bars, tables
from benchmarks.fairness.running import NotSpoken, Settings, fleet, measure
from benchmarks.loads import NoResult
from benchmarks.names import one_of
from benchmarks.output import bar_list, made_by, save
from benchmarks.processes import Bench, Cores, ServerError, make_certificate

SERVERS = ("esg", "uvicorn", "granian", "hypercorn")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    chosen = {tuple(name.rsplit("/", 1)) for name in options.attacks} or set(ATTACKS)
    protocols = dict.fromkeys(protocol for protocol, _ in ATTACKS if any(protocol == each[0] for each in chosen))
    keys = [
        key for protocol in protocols for key in ATTACKS if key[0] == protocol and (key in chosen or key[1] == QUIET)
    ]
    bench = Bench(Cores.choose())
    os.sched_setaffinity(0, {bench.cores.load})
    found: dict[tuple[str, str], dict[str, Cell]] = {key: {} for key in keys}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as directory:
        certificate = make_certificate(Path(directory))
        for key in keys:
            found[key] = compare(Settings(bench, key[0], certificate), key, options)
            print(
                "/".join(key), {server: str(cell) for server, cell in found[key].items()}, file=sys.stderr, flush=True
            )
    verdicts = list(bars(found, options.servers[0]))
    text = _page(found, options, verdicts, load)
    print(text)
    save(options.output, {"results.md": text})
    return 0 if all(is_cleared for _, is_cleared in verdicts) else 1


def compare(settings: Settings, key: tuple[str, str], options: argparse.Namespace) -> dict[str, Cell]:
    """All rounds of one attack, server by server within each round."""
    cells = {server: Cell() for server in options.servers}
    with fleet(settings, options.servers) as servers:
        for _ in range(options.rounds):
            for server, running in servers.items():
                cell = cells[server]
                if isinstance(running, str):
                    cell.reason = running
                    continue
                try:
                    if not cell.reason:
                        cell.rounds.append(measure(running, ATTACKS[key]))
                except NotSpoken:
                    cell.reason = NOT_SPOKEN
                except NoResult as error:
                    cell.reason = str(error)
                except (ServerError, OSError) as error:
                    cell.reason = f"{type(error).__name__}: {error}"
    return cells


def _page(found: Found, options: argparse.Namespace, verdicts: list[tuple[str, bool]], load: float) -> str:
    made = (
        f"{made_by('benchmarks.fairness')}; load average {load:.1f} when it began. Each cell is the median of "
        f"{options.rounds} rounds of the longest time for which an innocent client, which asks every 3 ms on a kept "
        "connection, waited for an answer."
    )
    title = f"## What an attack adds to the wait at {options.servers[0]}, of which {BAR * 1000:.0f} ms are allowed"
    return "\n\n".join(["# Fairness, measured", made, tables(found, options.servers), title, bar_list(verdicts)]) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fairness", description=__doc__)
    names = ["/".join(key) for key in ATTACKS]
    parser.add_argument("attacks", nargs="*", metavar="PROTOCOL/ATTACK", choices=[[], *names], default=[])
    parser.add_argument("--servers", type=one_of(SERVERS), default=list(SERVERS), help="the first is judged")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="directory for the page, such as docs/fairness")
    return parser


if __name__ == "__main__":
    sys.exit(main())
