"""The command: `python -m benchmarks.fleet [OPTIONS]`. Needs HAProxy, nginx and Envoy.

Three hosts, which are addresses of this machine, behind a balancer with the configuration that `examples/deploy/fleet`
has for it. While clients check every answer, the hosts are replaced, or one is killed, cut off or overloaded. Prints
what was lost, by kind, and writes it where `--output` says. Exits with 1 if ESG loses what `docs/fleet.md` promises it
does not.
"""

import argparse
import asyncio
import importlib.metadata
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.fleet.balancers import BALANCERS
from benchmarks.fleet.hosts import SERVERS
from benchmarks.fleet.page import Key, bars, charts, text
from benchmarks.fleet.scenes import SCENES, play
from benchmarks.fleet.tally import Tally
from benchmarks.names import one_of
from benchmarks.output import bar_list, made_by, save

NOT_REPEATED = ("replaced",)
"""The scenes in which a balancer of connections has something to show."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    versions = dict.fromkeys([*(BALANCERS[name].version for name in options.balancers), *_peers(options.servers)])
    found: dict[Key, Tally] = {}
    for key in _keys(options):
        scene, balancer, server = key
        found[key] = asyncio.run(play(scene, BALANCERS[balancer], server))
        print(scene, balancer, server, found[key].answered, dict(found[key].lost), file=sys.stderr, flush=True)
    verdicts = list(bars(found))
    lines = bar_list((f"{bar.text} {dict(bar.broken_by) or ''}".rstrip(), not bar.broken_by) for bar in verdicts)
    made = (
        f"{made_by('benchmarks.fleet')}, {', '.join(versions)}. 17 clients with pauses: kept and new connections, slow "
        "requests, uploads, WebSockets. They never ask twice. A WebSocket is cut if it ends without a close frame. "
        "Losses are what to compare; times depend on what else the machine does."
    )
    page = "\n\n".join(["# A fleet, measured", made, text(found), "## Bars", lines]) + "\n"
    print(page)
    save(options.output, {"results.md": page, **charts(found)})
    return 1 if any(bar.broken_by for bar in verdicts) else 0


def _peers(servers: Sequence[str]) -> list[str]:
    return [f"{name} {importlib.metadata.version(name)}" for name in servers if name != "esg-no-delay"]


def _keys(options: argparse.Namespace) -> Iterator[Key]:
    for scene in options.scenes:
        for balancer in options.balancers:
            if BALANCERS[balancer].repeats or scene in NOT_REPEATED:
                servers = [name for name in options.servers if name != "esg-no-delay" or scene in NOT_REPEATED]
                yield from ((scene, balancer, server) for server in servers)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--scenes", type=one_of(tuple(SCENES)), default=list(SCENES))
    parser.add_argument("--balancers", type=one_of(tuple(BALANCERS)), default=list(BALANCERS))
    parser.add_argument("--servers", type=one_of(SERVERS), default=list(SERVERS))
    parser.add_argument("--output", type=Path, help="directory for the page, such as docs/fleet")
    return parser


if __name__ == "__main__":
    sys.exit(main())
