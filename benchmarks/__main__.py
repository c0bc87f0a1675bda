"""The command: `python -m benchmarks [run|quick] [OPTIONS]`; it reads options and puts the parts together."""

import argparse
import sys
from collections.abc import Sequence

from benchmarks.processes import Bench, Cores
from benchmarks.report import failures, ratio_table
from benchmarks.rounds import Plan, run_rounds
from benchmarks.rows import QUICK, ROWS
from benchmarks.servers import SERVERS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("command", choices=["quick"])
    parser.add_argument("--rows", default=",".join(QUICK))
    parser.add_argument("--servers", default="esg,uvicorn,granian,floor")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args(arguments)
    plan = Plan(options.rows.split(","), options.servers.split(","), options.rounds, options.seconds)
    results = run_rounds(plan, Bench(Cores.choose(), options.python))
    print(ratio_table(results))
    print(failures(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
