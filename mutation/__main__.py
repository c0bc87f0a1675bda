"""The command: `python -m mutation MODULE...`. Prints unexplained survivors; exits with 1 if there are any."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from mutation.changes import mutants
from mutation.equivalent import known
from mutation.running import INVALID, KILLED, SURVIVED, TIMEOUT, ask, prepare
from mutation.targets import TARGETS, source_of

EQUIVALENT = "equivalent"

PATIENCE = 5.0
"""How many times longer than without a change the tests may take, plus ten seconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    prepare()
    wrong = sum(_judge(module, options.only, explained=options.explained) for module in options.modules)
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("modules", nargs="+", metavar="MODULE", choices=TARGETS, help=", ".join(TARGETS))
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants with this in their names")
    parser.add_argument("--explained", action="store_true", help="only those that are listed as equivalent")
    return parser


def _judge(module: str, only: str, *, explained: bool) -> int:
    """Try the mutants of a module; returns how many do not behave as `equivalent.toml` says."""
    path, tests, reasons = source_of(module), TARGETS[module], known(module)
    began = time.monotonic()
    if ask(module, path, None, tests, 600) != SURVIVED:
        raise SystemExit(f"{module}: its tests fail without any change: {' '.join(tests)}")
    limit = 10 + PATIENCE * (time.monotonic() - began)
    results: Counter[str] = Counter()
    for mutant in mutants(path.read_text(encoding="utf-8"), str(path)):
        has_reason = mutant.name in reasons
        if only not in mutant.name or (explained and not has_reason):
            continue
        result = EQUIVALENT if has_reason and not explained else ask(module, path, mutant.code, tests, limit)
        results[result] += 1
        if result in ((KILLED, TIMEOUT) if explained else (SURVIVED,)):
            print(f"{module}:{mutant.line}: {result}: {mutant.name}", flush=True)
    valid = results.total() - results[INVALID]
    parts = ", ".join(f"{results[name]} {name}" for name in (KILLED, TIMEOUT, EQUIVALENT, SURVIVED))
    print(f"{module}: {valid} mutants: {parts} ({time.monotonic() - began:.0f} s)", flush=True)
    return valid - results[SURVIVED] if explained else results[SURVIVED]


if __name__ == "__main__":
    sys.exit(main())
