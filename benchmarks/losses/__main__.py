"""The command: `python -m benchmarks.losses [OPTIONS] [-- OPTIONS OF ESG]`, such as `-- --reuse-port`.

Puts a server with several workers under load from wrk and from clients that check every answer. Meanwhile it restarts
and upgrades the server, recycles workers and kills some. Exits with 1 if anything was lost except requests of a killed
worker. Prints what was lost, and writes it where `--output` says.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.losses.client import Clients, Tally
from benchmarks.losses.page import Outcome, bars, outcome_table
from benchmarks.losses.running import Server, ServerFailed
from benchmarks.losses.wrk import CONNECTIONS, Wrk
from benchmarks.output import bar_list, made_by, save

KEEPING = 8
CHANGING = 4
"""Clients that keep their connections, and that make one for each request."""

SETTLE = 0.5
"""Seconds of load before and after each phase."""

BLAME = 1.0
"""Seconds after a worker was killed in which a loss may be its own, if its process is not known."""


@dataclass
class Scene:
    """One server under load, and which of its workers were killed when."""

    server: Server
    tally: Tally
    killed: dict[int, float] = field(default_factory=dict)

    @property
    def losses(self) -> list[str]:
        """What was lost, except by killed workers."""
        return [what for at, what, process in self.tally.losses if not self._is_of_the_killed(at, process)]

    def _is_of_the_killed(self, at: float, process: int | None) -> bool:
        if process is not None:
            return process in self.killed
        return any(killed <= at <= killed + BLAME for killed in self.killed.values())


async def restart(scene: Scene) -> None:
    """One rolling restart, from the signal to the end of the last old worker."""
    before = scene.server.send(signal.SIGHUP)
    workers = int((await scene.server.line(r"Restarting (\d+) workers", before))[1])
    await scene.server.line("Finished server process", before, workers)


async def upgrade(scene: Scene) -> None:
    """One new program, from the signal to the end of the old one."""
    before = scene.server.send(signal.SIGUSR2)
    new = int((await scene.server.line(r"Starting a new program \[(\d+)\]", before))[1])
    await scene.server.line("Finished parent process", before)
    scene.server.main = new


async def recycle(scene: Scene) -> None:
    """One more worker that has ended because it has served enough."""
    so_far = sum("Finished server process" in line for line in scene.server.lines)
    await scene.server.line("Finished server process", 0, so_far + 1)


async def kill(scene: Scene) -> None:
    """One worker killed, and another one ready in its place."""
    before = len(scene.server.lines)
    recent = [process for process in list(scene.tally.processes)[-4:] if process not in scene.killed]
    scene.killed[recent[-1]] = time.monotonic()
    os.kill(recent[-1], signal.SIGKILL)
    await scene.server.line("Application startup complete|Started server process", before)
    await scene.server.line("ended by SIGKILL", before)
    await asyncio.sleep(SETTLE)


@dataclass(frozen=True)
class Phase:
    """What is done to a server `count` times, and how many connections of wrk each time may break."""

    name: str
    step: Callable[[Scene], Awaitable[None]]
    count: int
    breaks: int = 0
    options: tuple[str, ...] = ()


async def measure(phase: Phase, options: Sequence[str]) -> Outcome:
    """Run one phase on a new server, and print what was lost."""
    began = time.monotonic()
    async with (
        Server(*options, *phase.options) as server,
        Clients(server.port, KEEPING, CHANGING) as tally,
        Wrk(server.port) as wrk,
    ):
        scene = Scene(server, tally)
        await asyncio.sleep(SETTLE)
        for _ in range(phase.count):
            await phase.step(scene)
        await asyncio.sleep(SETTLE)
    outcome = Outcome(
        phase.name,
        phase.count,
        time.monotonic() - began,
        tally.answered,
        tally.connections,
        len(tally.processes),
        losses=scene.losses,
        of_the_killed=len(tally.losses) - len(scene.losses),
        wrk=wrk.result,
        allowed=phase.breaks * phase.count,
    )
    print(outcome, flush=True)
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    own = ("--workers", str(options.workers), *(word for word in options.esg if word != "--"))
    phases = [
        Phase("rolling restarts", restart, options.restarts),
        Phase("upgrades", upgrade, options.upgrades),
        Phase("recycled workers", recycle, options.recycled, options=("--limit-max-requests", str(options.limit))),
        Phase("killed workers", kill, options.kills, breaks=CONNECTIONS),
    ]
    try:
        outcomes = [asyncio.run(measure(phase, own)) for phase in phases if phase.count]
    except ServerFailed as error:
        print(error)
        return 1
    verdicts = list(bars(outcomes))
    said = f"{made_by('benchmarks.losses')}, {' '.join(own)}."
    parts = ["# Losses, measured", said, outcome_table(outcomes), "## Bars", bar_list(verdicts)]
    save(options.output, {"results.md": "\n\n".join(parts) + "\n"})
    return 0 if all(is_cleared for _, is_cleared in verdicts) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.losses", description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--upgrades", type=int, default=5)
    parser.add_argument("--recycled", type=int, default=50)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--limit", type=int, default=2000, help="requests after which a worker is recycled")
    parser.add_argument("--output", type=Path, help="directory for the page, such as docs/losses")
    parser.add_argument("esg", nargs="*", metavar="-- OPTIONS", help="options of esg, after --")
    return parser


if __name__ == "__main__":
    sys.exit(main())
