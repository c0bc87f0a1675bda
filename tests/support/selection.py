"""Which tests an interpreter runs when it shares the suite with others: `pytest --share 2/5`.

One interpreter runs the whole suite, and each of the others a share of it. A share has the functions whose names fall
to it, so shares are the same in every process and on every machine, and together they have every function. Of a
function it has at most `CASES` cases, because a hundred cases of one grammar tell hardly more about another interpreter
than two. Tests marked `everywhere` are in every share, and those in the folders `SOURCE` in none: they read files, and
would find the same again. Modules without a test of the share are not even imported: that takes longer than the tests.
"""

import re
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

CASES = 2
"""How many cases of a function a share has at most."""

SOURCE = ("tests/structure/", "tests/mutation/")

ROOT = Path(__file__).resolve().parents[2]

TESTS = re.compile(r"^\s*(?:async )?def (test_\w+)|^(test_\w+) =|mark\.(everywhere)\b", re.MULTILINE)
"""The names of the tests in a module, and the mark that puts tests into every share."""


@dataclass(frozen=True)
class Share:
    """One of `total` shares, counted from 1."""

    number: int
    total: int

    @classmethod
    def parse(cls, text: str) -> "Share":
        """Read `2/5`; raises `pytest.UsageError` if it is no share."""
        number, _, total = text.partition("/")
        if not (number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
            raise pytest.UsageError(f"--share {text}: give a number and how many there are, such as 2/5")
        return cls(int(number), int(total))

    def has(self, path: str, function: str) -> bool:
        """Whether it has a function of the module at that path."""
        return (
            not path.startswith(SOURCE) and zlib.crc32(f"{path}::{function}".encode()) % self.total + 1 == self.number
        )

    def cases(self, count: int) -> set[int]:
        """Which of the `count` cases of one of its functions it has: far apart, and others than the next share."""
        return {(self.number - 1 + number * count // CASES) % count for number in range(CASES)}

    def may_have(self, module: Path) -> bool:
        """Whether it has tests of a module, as far as its text shows."""
        path = module.relative_to(ROOT).as_posix()
        names = [name or assigned or mark for name, assigned, mark in TESTS.findall(module.read_text(encoding="utf-8"))]
        return "everywhere" in names or any(self.has(path, name) for name in names)


def chosen(items: list[pytest.Item], share: Share) -> list[pytest.Item]:
    """The tests of a share, in their order."""
    functions: dict[tuple[str, str], list[pytest.Item]] = defaultdict(list)
    for item in items:
        path, *names = item.nodeid.partition("[")[0].split("::")
        functions[path, next((name for name in names if name.startswith("test_")), names[-1])].append(item)
    kept: set[int] = set()
    for (path, function), cases in functions.items():
        kept.update(id(item) for item in cases if item.get_closest_marker("everywhere"))
        if share.has(path, function):
            kept.update(id(cases[index]) for index in share.cases(len(cases)))
    return [item for item in items if id(item) in kept]
