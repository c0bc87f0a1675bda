"""The command: `python -m benchmarks.arena [OPTIONS]`; all profiles and servers by default.

Measures each server in each profile, prints the page and, with `--output`, writes it and all rounds (`results.md`,
`results.json`). Exits with 1 if ESG has no figure in a profile.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.arena.data import write_files
from benchmarks.arena.page import page
from benchmarks.arena.profiles import PROFILES, SERVERS
from benchmarks.names import one_of
from benchmarks.output import describe, save
from benchmarks.processes import Bench, Cores
from benchmarks.report import as_json
from benchmarks.rounds import Plan, run_rounds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    bench = Bench(Cores.choose(), options.python)
    plan = Plan(options.profiles, options.servers, options.rounds, options.seconds)
    about = describe(plan, bench.python)
    with tempfile.TemporaryDirectory() as directory:
        write_files(Path(directory))
        results = run_rounds(plan, bench, PROFILES)
    text = page(about, results)
    print(text)
    everything = json.dumps({"about": about, "profiles": as_json(results, PROFILES)}, indent=2)
    save(options.output, {"results.json": f"{everything}\n", "results.md": text})
    return 0 if all(outcomes["esg"].samples for outcomes in results.values() if "esg" in outcomes) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arena", description=__doc__)
    parser.add_argument("--profiles", type=one_of(PROFILES), default=list(PROFILES), help="default: all")
    parser.add_argument("--servers", type=one_of(SERVERS), default=list(SERVERS), help="default: all")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--seconds", type=int, default=2, help="of load per round; default: 2")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the servers; default: this one")
    parser.add_argument("--output", type=Path, help="directory for the page, such as docs/arena")
    return parser


if __name__ == "__main__":
    sys.exit(main())
