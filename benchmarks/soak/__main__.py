"""The command: `python -m benchmarks.soak [OPTIONS]`. Prints a report; exits with 1 if anything failed or grew.

`--output` writes a page with what matters of it.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import trustme

from benchmarks.output import bar_list, made_by, save
from benchmarks.soak.serving import Sample, Served
from benchmarks.soak.tally import Tally
from benchmarks.soak.traffic import KINDS, drive

GROWTH = 1.15
"""By how much memory may grow from the middle of the last calm phase to its end, as noise that is no leak."""

SETTLE = 2.0
"""Seconds after the traffic until nothing of it may be left in the servers."""

NOTHING_WRONG = "nothing failed, nothing is left, nothing has grown"

SAMPLES = 40
"""How often memory and descriptors are checked."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    authority = trustme.CA()
    more = ["--loop", options.loop, "--workers", str(options.workers), "--http", options.http]
    tally = Tally()
    with tempfile.TemporaryDirectory() as directory:
        made = [Served(name, Path(directory), ca, more) for name, ca in (("cleartext", None), ("tls", authority))]
        with ExitStack() as stack:
            servers = [stack.enter_context(server) for server in made]
            wrong = asyncio.run(_soak(servers, options, tally))
        for server in servers:
            if server.code != 0:
                wrong.append(f"{server.name}: exit code {server.code}")
            wrong += [f"{server.name}: log: {line}" for line in server.complaints()[:20]]
    print("\n".join(f"WRONG: {each}" for each in wrong) or NOTHING_WRONG)
    save(options.output, {"results.md": _page(options, tally, wrong)})
    return 1 if wrong else 0


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
    parser.add_argument("--output", type=Path, help="directory for the page, such as docs/soak")
    return parser


def _page(options: argparse.Namespace, tally: Tally, wrong: list[str]) -> str:
    made = (
        f"{made_by('benchmarks.soak')}; {options.seconds:.0f} s of traffic on two servers, cleartext and TLS, with "
        f"{options.workers} workers each ({options.http}, {options.loop}). In the first two thirds, all workers are "
        f"replaced every {options.pause:.0f} s. Requests done again are those that HTTP lets a client repeat."
    )
    bars = [bar_list([(NOTHING_WRONG, not wrong)]), *(f"  * {each}" for each in wrong)]
    return "\n\n".join(["# A soak, measured", made, tally.table(), "## Bars", "\n".join(bars)]) + "\n"


async def _soak(servers: list[Served], options: argparse.Namespace, tally: Tally) -> list[str]:
    """The traffic, and what was wrong with it."""
    stop, wrong = asyncio.Event(), list[str]()
    before = {server.name: await server.states() for server in servers}
    clients = [
        asyncio.create_task(drive(kind, server.target, tally, stop, number))
        for server in servers
        for kind in KINDS
        for number in range(options.clients)
    ]
    began = time.monotonic()
    restarts = 0
    while time.monotonic() < began + options.seconds * 2 / 3:
        await asyncio.sleep(options.pause)
        ended = await asyncio.gather(*(server.restart() for server in servers))
        wrong += [
            f"{server.name}: a restart does not end"
            for server, is_over in zip(servers, ended, strict=True)
            if not is_over
        ]
        restarts += 1
    samples = await _watch(servers, began + options.seconds - time.monotonic())
    stop.set()
    await asyncio.gather(*clients)
    await asyncio.sleep(SETTLE)
    print(f"{time.monotonic() - began:.0f} s, {restarts} restarts of each server")
    print(tally.table())
    wrong += [f"{count} of {kind} failed" for kind, count in tally.failed.items()]
    for server in servers:
        wrong += _grown(server.name, samples[server.name])
        wrong += _left(server.name, before[server.name], await server.states())
        if server.target.tls and len(server.certificates) != restarts:
            wrong.append(f"{server.name}: {len(server.certificates)} certificates after {restarts} restarts")
    return wrong


async def _watch(servers: list[Served], seconds: float) -> dict[str, list[Sample]]:
    """Memory and descriptors of the last phase, in which there are no restarts."""
    samples: dict[str, list[Sample]] = {server.name: [] for server in servers}
    for _ in range(SAMPLES):
        await asyncio.sleep(max(0.0, seconds / SAMPLES))
        for server in servers:
            samples[server.name].append(server.sample())
    return samples


def _grown(name: str, samples: list[Sample]) -> list[str]:
    """Processes with more memory or descriptors at the end than in the middle."""
    wrong = []
    half, last = samples[len(samples) // 2 : len(samples) * 3 // 4], samples[len(samples) * 3 // 4 :]
    print(f"{name}: process: KiB and descriptors at the start, in the middle and at the end of the last phase")
    for pid in samples[-1]:
        rows = [[sample[pid] for sample in part if pid in sample] for part in (samples[:1], half, last)]
        start, middle, end = (
            tuple(sorted(values)[len(values) // 2] for values in zip(*row, strict=True)) for row in rows
        )
        print(f"  {pid}: {start} {middle} {end}")
        if end[0] > middle[0] * GROWTH:
            wrong.append(f"{name}: process {pid} has grown from {middle[0]} to {end[0]} KiB")
    return wrong


def _left(name: str, before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]]) -> list[str]:
    """Tasks and objects that are more than at the beginning, although all clients have gone."""
    clean = next(iter(before.values()))
    print(f"{name}: tasks and objects of connections at the beginning {clean}, at the end {list(after.values())}")
    return [f"{name}: process {pid} still holds {state}" for pid, state in after.items() if state != clean]


if __name__ == "__main__":
    sys.exit(main())
