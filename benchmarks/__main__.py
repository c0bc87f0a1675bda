"""The command: `python -m benchmarks [run | quick | profile ROW] [OPTIONS]`. It reads options and joins the parts."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.footprint.measuring import measure_footprints
from benchmarks.names import one_of
from benchmarks.neighbour import neighbour
from benchmarks.output import describe, write_files
from benchmarks.processes import Bench, Cores
from benchmarks.profiling import profile
from benchmarks.report import failures, footprint_table, full_tables, ratio_table
from benchmarks.rounds import Plan, run_rounds
from benchmarks.rows import QUICK, ROWS
from benchmarks.servers import SERVERS

FOOTPRINT = "footprint"
OUTPUT = Path(__file__).parent.parent / "docs" / "benchmarks"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in ("run", "quick", "profile", "-h", "--help"):
        given = ["run", *given]
    options = _parser().parse_args(given)
    bench = Bench(Cores.choose(), options.python)
    code: int = options.action(options, bench)
    return code


def run(options: argparse.Namespace, bench: Bench) -> int:
    """Measure everything, into files."""
    plan = Plan([row for row in options.rows if row != FOOTPRINT], options.servers, options.rounds, options.seconds)
    about = {**describe(plan, bench.python), "neighbour_mib": options.neighbour}
    with neighbour(options.neighbour, bench.cores.server):
        results = run_rounds(plan, bench)
    footprints = measure_footprints(plan.servers, bench) if FOOTPRINT in options.rows else {}
    for text in (full_tables(results), footprint_table(footprints), failures({}, footprints)):
        print(f"{text}\n" if text else "", end="\n" if text else "")
    for path in write_files(options.output, about, results, footprints):
        print(f"wrote {path}")
    return 0


def quick(options: argparse.Namespace, bench: Bench) -> int:
    """Only the table of ratios; fails when a server failed."""
    with neighbour(options.neighbour, bench.cores.server):
        results = run_rounds(Plan(options.rows, options.servers, options.rounds, options.seconds), bench)
    print(ratio_table(results))
    failed = failures(results, {})
    print(failed, end="\n" if failed else "")
    return 1 if failed else 0


def record(options: argparse.Namespace, bench: Bench) -> int:
    """A profile of ESG under one row."""
    output = options.output or Path(f"profile-{options.row}.speedscope.json")
    profile(ROWS[options.row], bench, options.seconds, output, native=options.native)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True)
    peers = ("esg", "uvicorn", "granian", "fastpysgi", "floor")

    full = commands.add_parser("run", help="measure everything and write docs/benchmarks (the default)")
    _add_plan(full, (*ROWS, FOOTPRINT), SERVERS, (5, 4))
    full.add_argument("--output", type=Path, default=OUTPUT, help="directory of the results")
    full.set_defaults(action=run)

    short = commands.add_parser("quick", help="ratios of the first rows, in about a minute")
    _add_plan(short, QUICK, peers, (3, 1))
    short.set_defaults(action=quick)

    spy = commands.add_parser("profile", help="record ESG under the load of a row with py-spy")
    spy.add_argument("row", choices=ROWS)
    spy.add_argument("--seconds", type=int, default=5)
    spy.add_argument("--native", action="store_true", help="frames of C extensions too")
    spy.add_argument("--output", type=Path, help="FILE.svg for a flame graph, any other name for speedscope")
    _add_python(spy)
    spy.set_defaults(action=record)
    return parser


def _add_plan(
    parser: argparse.ArgumentParser, rows: Iterable[str], servers: Iterable[str], times: tuple[int, int]
) -> None:
    rounds, seconds = times
    rows, servers = list(rows), list(servers)
    known_rows = one_of((*ROWS, FOOTPRINT) if FOOTPRINT in rows else ROWS)
    parser.add_argument("--rows", type=known_rows, default=rows, help=f"default: {','.join(rows)}")
    parser.add_argument("--servers", type=one_of(SERVERS), default=servers, help=f"default: {','.join(servers)}")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"default: {rounds}")
    parser.add_argument("--seconds", type=int, default=seconds, help=f"of load per round; default: {seconds}")
    parser.add_argument(
        "--neighbour", type=int, default=0, metavar="MIB", help="walks this much memory beside each server"
    )
    _add_python(parser)


def _add_python(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the servers; default: this one")


if __name__ == "__main__":
    sys.exit(main())
