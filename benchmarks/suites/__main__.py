"""The command: `python -m benchmarks.suites SUITE [--command WORDS] [--version TEXT]`.

Starts ESG, runs one public suite against it, and replaces its entry in docs/proof/suites.json. The suites are not
installed with ESG: benchmarks/README.md says where they come from. `python -m tools.proof_page` writes the page.
"""

import argparse
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.apps import HELLO
from benchmarks.output import machine
from benchmarks.processes import Bench, Cores, free_port, make_certificate
from benchmarks.rows import Question
from benchmarks.servers import Launch
from benchmarks.suites.programs import SUITES, Suite
from benchmarks.suites.result import SuiteError, as_json, totals

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "proof" / "suites.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 1 if the suite did not run."""
    options = _parser().parse_args(arguments)
    suite = SUITES[options.suite]
    words = shlex.split(options.command or suite.command)
    try:
        runs = _runs(suite, words)
    except SuiteError as error:
        print(f"{options.suite}: {error}", file=sys.stderr)
        return 1
    for name, run in runs.items():
        print(f"{suite.title}, {name}: {totals(run)}", *run["others"], sep="\n  ")
    about = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "version": options.version}
    _keep(options.results, options.suite, {**about, "runs": runs})
    return 0


def _runs(suite: Suite, words: Sequence[str]) -> dict[str, Any]:
    bench = Bench(Cores.choose())
    runs = {}
    with tempfile.TemporaryDirectory() as directory:
        certificate = make_certificate(Path(directory))
        kinds = [(name, options, None) for name, options in suite.variants.items()]
        for name, options, tls in [*kinds, *([("TLS", (), certificate)] if suite.with_tls else [])]:
            launch = Launch("benchmarks.suites.app:app", free_port(), tls=tls)
            with bench.start("esg", launch, Question(HELLO), options):
                runs[name] = as_json(suite.run(words, launch.port, tls is not None))
    return runs


def _keep(path: Path, name: str, entry: dict[str, Any]) -> None:
    """Replace one entry of the file."""
    entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**entries, name: entry}, indent=2) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suites", description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--command", help="the words that the suite's command begins with, if it is elsewhere")
    parser.add_argument("--version", default="", help="the version of the suite, for the page")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to change")
    return parser


if __name__ == "__main__":
    sys.exit(main())
