"""The command: `python -m mutation MODULE...`. Prints unexplained survivors; exits with 1 if there are any."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from mutation.changes import Mutant, mutants
from mutation.equivalent import known
from mutation.running import INVALID, KILLED, SURVIVED, TIMEOUT, ask, prepare
from mutation.swapping import Changed, changed_functions
from mutation.targets import TARGETS, source_of
from mutation.trials import PATIENCE, Trials

EQUIVALENT = "equivalent"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    prepare()
    judged = [_Judged(module, options.only or [""], explained=options.explained) for module in options.modules]
    for one in judged:
        one.try_outside_functions()  # first, while this process has not imported any of the modules
    wrong = sum(one.try_functions() for one in judged)
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("modules", nargs="+", metavar="MODULE", choices=TARGETS, help=", ".join(TARGETS))
    parser.add_argument(
        "--only", action="append", metavar="TEXT", help="only mutants with this in their names; may be repeated"
    )
    parser.add_argument("--explained", action="store_true", help="only those that are listed as equivalent")
    return parser


class _Judged:
    """A module, its mutants, and what has become of them."""

    def __init__(self, module: str, only: Sequence[str], *, explained: bool) -> None:
        self._module = module
        self._explained = explained
        self._path = source_of(module)
        self._results: Counter[str] = Counter()
        self._began = time.monotonic()
        self._outside: list[Mutant] = []
        self._inside: list[tuple[Mutant, Sequence[Changed]]] = []
        text = self._path.read_text(encoding="utf-8")
        original = compile(text, str(self._path), "exec", dont_inherit=True)
        reasons = known(module)
        for mutant in mutants(text, str(self._path)):
            if not any(text in mutant.name for text in only) or (explained and mutant.name not in reasons):
                continue
            changed = changed_functions(original, mutant.code)
            if mutant.name in reasons and not explained:
                self._results[EQUIVALENT] += 1
            elif changed:
                self._inside.append((mutant, changed))
            else:
                self._outside.append(mutant)

    def try_outside_functions(self) -> None:
        """Try what takes effect when the module is imported."""
        tests = TARGETS[self._module]
        began = time.monotonic()
        if self._outside and ask(self._module, self._path, None, tests, 600) != SURVIVED:
            raise SystemExit(f"{self._module}: its tests fail without any change: {' '.join(tests)}")
        limit = 10 + PATIENCE * (time.monotonic() - began)
        for mutant in self._outside:
            self._note(mutant, ask(self._module, self._path, mutant.code, tests, limit))

    def try_functions(self) -> int:
        """Try the other mutants; returns how many do not behave as `equivalent.toml` says."""
        if self._inside:
            Trials(self._module, self._path, self._try_each).go(TARGETS[self._module])
        results = self._results
        valid = results.total() - results[INVALID]
        parts = ", ".join(f"{results[name]} {name}" for name in (KILLED, TIMEOUT, EQUIVALENT, SURVIVED))
        print(f"{self._module}: {valid} mutants: {parts} ({time.monotonic() - self._began:.0f} s)", flush=True)
        return valid - results[SURVIVED] if self._explained else results[SURVIVED]

    def _try_each(self, trials: Trials) -> None:
        for mutant, changed in self._inside:
            self._note(mutant, trials.ask(changed, mutant.line))

    def _note(self, mutant: Mutant, result: str) -> None:
        self._results[result] += 1
        if result in ((KILLED, TIMEOUT) if self._explained else (SURVIVED, TIMEOUT)):
            print(f"{self._module}:{mutant.line}: {result}: {mutant.name}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
