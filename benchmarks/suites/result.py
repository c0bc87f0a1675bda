"""What a suite says: a verdict for each case. Nothing here runs anything."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PASSED = "passed"

INFORMATIONAL = "INFORMATIONAL"
"""What Autobahn says of a case that has no right outcome."""


class SuiteError(Exception):
    """A suite did not run to its end."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One case: the section it belongs to, what it is about, and what the suite says, `passed` or its own word."""

    section: str
    case: str
    said: str = PASSED


def as_json(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """How many cases each section has and how many passed, and what was said of the others."""
    verdicts = list(verdicts)
    if not verdicts:
        raise SuiteError("it has run no case")
    of = Counter(verdict.section for verdict in verdicts)
    passed = Counter(verdict.section for verdict in verdicts if verdict.said == PASSED)
    others = [[verdict.section, verdict.case, verdict.said] for verdict in verdicts if verdict.said != PASSED]
    return {"sections": {section: [passed[section], count] for section, count in of.items()}, "others": others}


def totals(run: Mapping[str, Any]) -> tuple[int, int]:
    """How many cases of a run have passed, of how many."""
    counts = run["sections"].values()
    return sum(passed for passed, _ in counts), sum(of for _, of in counts)
