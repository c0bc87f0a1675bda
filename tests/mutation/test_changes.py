"""The tool for mutation testing: what it changes, what it leaves alone, and that tests notice."""

import ast
import subprocess
import sys

import pytest

from mutation.changes import names
from mutation.equivalent import known
from mutation.patterns import variants
from mutation.swapping import changed_functions
from mutation.targets import ROOT, TARGETS, source_of
from mutation.trials import statement_lines


def changes(text: str) -> set[str]:
    """The first line of each changed statement."""
    return {name.partition(" -> ")[2] for name in names(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = b < 1", {"a = b <= 1", "a = b >= 1", "a = b < 2", "a = b < 0"}),
        ("a = b and c", {"a = b or c", "a = b", "a = c"}),
        ("a = not b", {"a = b"}),
        ("a = b + c", {"a = b - c"}),
        ("a = True", {"a = False"}),
        ("a = b'x'", {"a = b''", "a = b'XXx'"}),
        ("a = b[c:d]", {"a = b[:d]", "a = b[c:]"}),
        ("a = b.lower()", {"a = b"}),
        ("def f():\n    g()", {"pass"}),
        ("def f():\n    return g", {"return None"}),
        ("while a:\n    break", {"while not a:", "continue"}),
        ("def f():\n    a += b", {"pass", "a -= b"}),
        ("raise E('words', 400)", {"raise E('words', 401)", "raise E('words', 399)"}),
        ("a = {k: (b, c), l: (b, b)}", {"a = {k: (c, c), l: (b, b)}", "a = {k: (b, b), l: (b, b)}"}),
        ("a = {k: b, l: c}", {"a = {k: c, l: c}", "a = {k: b, l: b}"}),
        ("a = r'b+'", {"a = '+'", "a = 'b*'"}),
    ],
)
def test_what_is_changed(text: str, expected: set[str]) -> None:
    assert changes(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"""A doc string."""',
        "import a",
        "a: int",
        "__all__ = ['a']",
        "@a(1)\ndef f(a: 'x') -> 'y': ...",
        "if TYPE_CHECKING:\n    a = 1",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert changes(text) == set()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ab]", {"[^ab]", "[b]", "[a]"}),
        ("[1-2]", {"[^1-2]", r"[\x30-\x32]", r"[\x32-\x32]", r"[\x31-\x31]", r"[\x31-\x33]"}),
        ("(?:a)?", {"(?:)?", "(?:a)"}),
        ("a++", {"++", "a*+"}),
        ("a{1,2}", {"{1,2}", "a{0,2}", "a{2,2}", "a{1,1}", "a{1,3}"}),
    ],
)
def test_what_is_changed_in_a_pattern(pattern: str, expected: set[str]) -> None:
    assert set(variants(pattern)) == expected


def test_mutants_with_the_same_change_have_different_names() -> None:
    found = names("a(1, b)\na(1, b)")
    assert len(found) == len(set(found)) == 4


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("def f():\n    return 1", "def f():\n    return 2", ["f"]),
        (
            "class C:\n    def f(self):\n        return lambda: 1",
            "class C:\n    def f(self):\n        return lambda: 2",
            ["f"],
        ),
        ("def f():\n    return 1", "def f():\n    return 1", []),
        ("a = 1", "a = 2", None),
        ("a = 1", "a = True", None),
        ("class C:\n    a = 1", "class C:\n    a = 2", None),
        ("def f(a=1): ...", "def f(a=2): ...", None),
        ("class C:\n    def f(self):\n        super()", "class C:\n    def f(self):\n        pass", None),
    ],
)
def test_which_changes_need_no_import(before: str, after: str, changed: list[str] | None) -> None:
    codes = [compile(text, "module", "exec") for text in (before, after)]
    found = changed_functions(*codes)
    assert (None if found is None else [code.co_name for _, code in found]) == changed


def test_the_lines_of_a_statement_are_not_those_of_the_statements_in_it() -> None:
    text = "def f():\n    if (\n        a\n    ):\n        b(\n            c\n        )\n    d()"
    tree = ast.parse(text)
    found = [statement_lines(tree, line) for line in range(1, 9)]
    assert found == [range(1, 2), *[range(2, 5)] * 3, *[range(5, 8)] * 3, range(8, 9)]


@pytest.mark.parametrize("module", TARGETS)
def test_each_explained_mutant_exists(module: str) -> None:
    found = names(source_of(module).read_text(encoding="utf-8"))
    assert set(known(module)) - set(found) == set()


@pytest.mark.parametrize("module", TARGETS)
def test_each_target_has_its_tests(module: str) -> None:
    assert [test for test in TARGETS[module] if not (ROOT / test).is_file()] == []


def test_the_command_tells_how_many_mutants_tests_notice() -> None:
    command = [sys.executable, "-m", "mutation", "esg_http.message.field_names", "--only", "-> return None"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=150).stdout
    assert "esg_http.message.field_names: 3 mutants: 3 killed, 0 timeout, 0 equivalent, 0 survived" in said
