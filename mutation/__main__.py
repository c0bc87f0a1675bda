"""The command: `python -m mutation MODULE...`. Prints each survivor; exits with 1 if one is not explained."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from mutation.changes import mutants
from mutation.equivalent import known
from mutation.running import INVALID, KILLED, SURVIVED, TIMEOUT, ask, prepare
from mutation.targets import TARGETS, source_of

__all__ = ["main"]

PATIENCE = 5.0
"""How many times as long as without a change the tests may take, and ten seconds more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    prepare()
    unexplained = sum(_judge(module, options.only, every=options.every) for module in options.modules)
    return 1 if unexplained else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("modules", nargs="+", metavar="MODULE", choices=TARGETS, help=", ".join(TARGETS))
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants with this in their names")
    parser.add_argument("--every", action="store_true", help="also try those that are known to be equivalent")
    return parser


def _judge(module: str, only: str, *, every: bool) -> int:
    """Try all mutants of a module; returns how many live on without an explanation."""
    path, tests, explained = source_of(module), TARGETS[module], known(module)
    began = time.monotonic()
    if ask(module, path, None, tests, 600) != SURVIVED:
        raise SystemExit(f"{module}: its tests fail without any change: {' '.join(tests)}")
    limit = 10 + PATIENCE * (time.monotonic() - began)
    results: Counter[str] = Counter()
    for mutant in mutants(path.read_text(encoding="utf-8"), str(path)):
        if only not in mutant.name:
            continue
        is_explained = mutant.name in explained
        result = "equivalent" if is_explained and not every else ask(module, path, mutant.code, tests, limit)
        if is_explained and result in (KILLED, TIMEOUT):
            print(f"{module}:{mutant.line}: killed, and said to be equivalent: {mutant.name}", flush=True)
        if result == SURVIVED:
            result = "equivalent" if is_explained else SURVIVED
        if result == SURVIVED:
            print(f"{module}:{mutant.line}: {mutant.name}", flush=True)
        results[result] += 1
    valid = results.total() - results[INVALID]
    parts = ", ".join(f"{results[name]} {name}" for name in (KILLED, TIMEOUT, "equivalent", SURVIVED))
    print(f"{module}: {valid} mutants: {parts} ({time.monotonic() - began:.0f} s)", flush=True)
    return results[SURVIVED]


if __name__ == "__main__":
    sys.exit(main())
