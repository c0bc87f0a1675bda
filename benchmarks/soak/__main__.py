"""The command: `python -m benchmarks.soak [OPTIONS]`. Prints a report; exits with 1 if anything failed or grew.

`--output` writes a page with what matters of it.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.output import bar_list, made_by, save
from benchmarks.soak.soaking import Configuration, Plan, Soak

BAR = "nothing failed, nothing is left, nothing has grown, no counter has fallen"

ALL = (
    Configuration("uvloop, httptools", ["--loop", "uvloop", "--http", "httptools"]),
    Configuration("asyncio, h11", ["--loop", "asyncio", "--http", "h11"]),
    Configuration("HTTP/3", ["--loop", "uvloop", "--http", "httptools", "--http3"], ["tls"]),
)

AIOFASTNET = (
    "TLS of `aiofastnet` is not among them: ESG does not use it, because it [crashes with certificates by name]"
    "(../performance.md)."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    plan = Plan(options.seconds, options.pause, options.clients, options.workers)
    with tempfile.TemporaryDirectory() as directory:
        soaks = [
            Soak(each, plan, Path(directory) / str(number)) for number, each in enumerate(_configurations(options))
        ]
        with ExitStack() as stack:
            for soak in soaks:
                stack.enter_context(soak)
            asyncio.run(_run(soaks))
    for soak in soaks:
        print(f"\n{_section(soak)}")
        print("\n".join(f"WRONG: {each}" for each in soak.wrong) or BAR)
    save(options.output, {"results.md": _page(plan, soaks)})
    return 1 if any(soak.wrong for soak in soaks) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="of traffic (default: 120)")
    parser.add_argument(
        "--pause", type=float, default=10, help="seconds between restarts, in the first two thirds (default: 10)"
    )
    parser.add_argument("--clients", type=int, default=1, help="of each kind, for each server (default: 1)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--loop", default="uvloop")
    parser.add_argument("--http", default="httptools")
    parser.add_argument(
        "--http3", action="store_true", help="one server, with TLS and HTTP/3, instead of cleartext and TLS"
    )
    parser.add_argument(
        "--all", action="store_true", help="at once: uvloop with httptools, asyncio with h11, and HTTP/3"
    )
    parser.add_argument("--output", type=Path, help="directory for the page, such as docs/soak")
    return parser


def _configurations(options: argparse.Namespace) -> Sequence[Configuration]:
    if options.all:
        return ALL
    flags = ["--loop", options.loop, "--http", options.http]
    name = f"{options.loop}, {options.http}"
    if options.http3:
        return [Configuration(f"HTTP/3: {name}", [*flags, "--http3"], ["tls"])]
    return [Configuration(name, flags)]


async def _run(soaks: Sequence[Soak]) -> None:
    async with asyncio.TaskGroup() as group:
        for soak in soaks:
            group.create_task(soak.run())


def _page(plan: Plan, soaks: Sequence[Soak]) -> str:
    made = (
        f"{made_by('benchmarks.soak')}; {plan.seconds:.0f} s of traffic, on {plan.workers} workers a server that share "
        f"their queue. In the first two thirds, all workers are replaced again and again, with pauses of "
        f"{plan.pause:.0f} s; between two restarts, the certificate is replaced on disk until new clients see it. "
        f"Metrics are scraped every second. Requests done again are those that HTTP lets a client repeat. "
        f"Configurations run at the same time, with all their clients in one process."
    )
    bars = bar_list((f"{soak.configuration.name}: {BAR}", not soak.wrong) for soak in soaks)
    return "\n\n".join(["# A soak, measured", made, AIOFASTNET, "## Bars", bars, *map(_section, soaks)]) + "\n"


def _section(soak: Soak) -> str:
    about = (
        f"Servers: {' and '.join(soak.configuration.servers)}; {soak.restarts} restarts of each, {soak.renewals} "
        f"certificates seen, {soak.scrapes} scrapes."
    )
    parts = [f"## {soak.configuration.name}", about, soak.tally.table()]
    wrong = "\n".join(f"* {each}" for each in soak.wrong)
    return "\n\n".join([*parts, *([wrong] if wrong else [])])


if __name__ == "__main__":
    sys.exit(main())
