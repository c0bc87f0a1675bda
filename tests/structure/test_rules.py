"""Code and tests cite the rules by number; `docs/rules.md` says what each promises."""

import ast
import re
from collections.abc import Iterator

from tests.support.source_tree import ROOT

RULES = frozenset(
    re.findall(r"^\* \*\*([A-Z2]-\d+)\*\*", (ROOT / "docs/rules.md").read_text(encoding="utf-8"), re.MULTILINE)
)

FOLDERS = ("packages", "tests", "examples", "benchmarks", "tools", "mutation")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

CITED = re.compile(r"\b[A-Z]-\d{1,2}\b|(?<![\w.-])2-\d\b(?![-.\w])")
"""A rule; those of HTTP/2 have a digit for a letter, and look like ranges and parts of versions, which do not count."""

IN_NAME = re.compile(r"^test_(?:([a-z])(\d+)|(2)_(\d))_")
"""The rule that the name of a test begins with."""

NO_RULE = re.compile(r"(?<![\w./-])[A-Z]\d{1,2}(?![\w.-])|\b(?:SPEC|DESIGN)(?: section)? \d+")
"""Looks like a rule, but has no hyphen, or cites another document by number."""


def rules_in(name: str) -> list[str]:
    """The rule in the name of a test, as the page writes it."""
    return ["-".join(part for part in found if part).upper() for found in IN_NAME.findall(name)]


def documented(text: str) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """The nodes that may have a doc string."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def unknown_rules(text: str) -> set[str]:
    """The rules that a module cites, in text or in the name of a test, and that the page does not have."""
    nodes = list(documented(text))
    cited = set(CITED.findall(text))
    cited |= {rule for node in nodes if not isinstance(node, ast.Module) for rule in rules_in(node.name)}
    return cited - RULES | {rule for node in nodes for rule in NO_RULE.findall(ast.get_docstring(node) or "")}


def test_rules_that_are_cited_are_written_down() -> None:
    unknown = {str(path.relative_to(ROOT)): unknown_rules(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: rules for path, rules in unknown.items() if rules} == {}


def test_an_unknown_rule_is_found() -> None:
    """In a comment, in a doc string and in the name of a test; known ones and other names are left alone."""
    letter, digit = "Y", 9
    text = f"""
# {letter}-1, H-1
def test_{letter.lower()}2_x():
    "{letter}3 with P-256, HTTP/2 2-1"
def test_2_{digit}_x(): ...
def test_h2_x(): ...
"""
    assert unknown_rules(text) == {f"{letter}-1", f"{letter}-2", f"{letter}3", f"2-{digit}"}
