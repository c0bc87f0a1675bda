"""The command: `python -m benchmarks.shares [SCENE]... [OPTIONS]`; all scenes by default.

Starts each server with eight workers, and measures how evenly connections that stay are spread over them, how long
clients wait while some workers are blocked, and what a short connection costs. Prints the medians of all rounds, writes
them where `--output` says, and exits with 1 if the first server misses a bar.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.names import one_of
from benchmarks.output import bar_list, made_by, save
from benchmarks.processes import Bench, Cores, ServerError, free_port
from benchmarks.rows import Question
from benchmarks.servers import Launch
from benchmarks.shares.crowd import NoAnswer
from benchmarks.shares.page import bars, comparison
from benchmarks.shares.scenes import OWN_QUEUES, SCENES, UNSHARED, Target, see_all

APP = "benchmarks.shares.app:app"

SERVERS = ("esg", OWN_QUEUES, UNSHARED, "uvicorn", "granian", "gunicorn", "hypercorn")

SLOW_ROUNDS = 3
"""Rounds of a slow scene, or fewer if fewer are asked for: one is at the mercy of whatever else the machine does."""

READY = Question(b"Hello, World!")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    names = options.scenes or list(SCENES)
    chosen = Cores.choose()
    bench = Bench(Cores(chosen.server, chosen.load, (chosen.load, *chosen.others)))  # where there are cores, use them
    figures: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    with ExitStack() as stack:
        targets: dict[str, Target] = {}
        for server in options.servers:
            one_queue = server != OWN_QUEUES
            launch = Launch(APP, free_port(), workers=options.workers, one_queue=one_queue, unshared=server == UNSHARED)
            try:
                running = stack.enter_context(bench.start(server.partition("-")[0], launch, READY))
                targets[server] = Target(launch.port, running.pids(), options.workers, options.requests)
                see_all(targets[server])
            except (ServerError, NoAnswer, OSError) as error:
                print(f"{server}: {error}", file=sys.stderr)
                targets.pop(server, None)
        for name in names:
            for _ in range(min(SLOW_ROUNDS, options.rounds) if SCENES[name].is_slow else options.rounds):
                for server, target in targets.items():
                    if SCENES[name].is_slow and server == UNSHARED:
                        continue
                    try:
                        figures[name].setdefault(server, []).append(SCENES[name].measure(target))
                    except (NoAnswer, OSError) as error:
                        print(f"{name}, {server}: {error}", file=sys.stderr)
            print(name, figures[name], file=sys.stderr, flush=True)
    verdicts = list(bars(figures, options.servers[0]))
    made = (
        f"{made_by('benchmarks.shares')}, {options.workers} workers; medians of {options.rounds} rounds, of at most "
        f"{SLOW_ROUNDS} for the trickle and whatever blocks. Bursts and the trickle are connections that stay: the "
        "fullest worker's part, divided by the mean. Waits end when the kernel has the answer for the client."
    )
    parts = ["# Shares, measured", made, comparison(figures, options.servers), "## Bars", bar_list(verdicts)]
    text = "\n\n".join(parts) + "\n"
    print(text)
    save(options.output, {"results.md": text})
    return 0 if all(is_cleared for _, is_cleared in verdicts) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shares", description=__doc__)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", choices=[[], *SCENES], default=[])
    parser.add_argument("--servers", type=one_of(SERVERS), default=list(SERVERS), help="the first is judged")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--requests", type=int, default=260, help="of a mixed load")
    parser.add_argument("--output", type=Path, help="directory for the page, such as docs/shares")
    return parser


if __name__ == "__main__":
    sys.exit(main())
