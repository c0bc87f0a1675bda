"""Which tests an interpreter runs when it shares the suite with others: `pytest --share 2/5`.

One interpreter runs the whole suite, and each of the others a share of it. Shares are chosen by the names of the tests,
so they are the same in every process and on every machine. A share has at most `CASES` cases of a function, because a
hundred cases of one grammar tell hardly more about another interpreter than two. Together, the shares have every
function; a function with as many cases as there are shares is in each of them. Tests marked `everywhere` are in every
share, and those in the folders `SOURCE` in none: they read files, and would find the same again.
"""

import zlib
from collections import defaultdict
from dataclasses import dataclass

import pytest

CASES = 2
"""How many cases of a function a share has at most."""

SOURCE = ("tests/structure/", "tests/mutation/")


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

    def cases(self, function: str, count: int) -> range:
        """Which of the `count` cases of a function this share has."""
        first = (self.number + zlib.crc32(function.encode())) % self.total
        return range(first, count, self.total)[:CASES]


def chosen(items: list[pytest.Item], share: Share) -> list[pytest.Item]:
    """The tests of a share, in their order."""
    functions: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        functions[item.nodeid.partition("[")[0]].append(item)
    wanted = {
        id(cases[index]) for function, cases in functions.items() for index in share.cases(function, len(cases))
    } | {id(item) for item in items if item.get_closest_marker("everywhere")}
    return [item for item in items if id(item) in wanted and not item.nodeid.startswith(SOURCE)]
