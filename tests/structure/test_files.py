"""The habits of the code: short files, short functions, documented names, no notes to ourselves."""

import ast
import importlib
import inspect
import pydoc
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.source_tree import ROOT, Module, found_wrong, modules

FILE_LINES = 400
FUNCTION_LINES = 45
PARAMETERS = 6
NESTING = 3

DIRECTORIES = (".ci", ".github", "benchmarks", "docs", "examples", "mutation", "packages", "tests", "tools")
BINARY = {".png", ".pyc", ".svg"}

NOTES = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATHS = re.compile(r"/(wo" r"rk|ro" r"ot|ho" r"me/\w+|Us" r"ers/\w+|tm" r"p/(venv|esg))\b")

CONTRACT = re.compile(r"[Ss]ee `([\w.]+)`")
"""How a class names the contract that its methods fulfil."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
DECISIONS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.ExceptHandler, ast.Match)


def functions(module: Module) -> Iterator[Function]:
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def lines_of_code(function: Function) -> int:
    """Lines from the signature to the end, without the doc string."""
    assert function.end_lineno is not None
    first = function.body[0]
    is_doc = ast.get_docstring(function) is not None and first.end_lineno is not None
    doc = first.end_lineno - first.lineno + 1 if is_doc and first.end_lineno is not None else 0
    return function.end_lineno - function.lineno + 1 - doc


def parameters(function: Function) -> int:
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def depth(node: ast.AST) -> int:
    """How deep decisions are nested: what a reader has to keep in mind. An `elif` is as deep as its `if`."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            continue
        is_elif = isinstance(node, ast.If) and [child] == node.orelse and isinstance(child, ast.If)
        deepest = max(deepest, depth(child) + (isinstance(child, DECISIONS) and not is_elif))
    return deepest


def undocumented(module: Module) -> Iterator[str]:
    """Public classes and functions, and the public methods of public classes, that have no doc string."""
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            if ast.get_docstring(node) is None:
                yield node.name
            if isinstance(node, ast.ClassDef):
                yield from (f"{node.name}.{name}" for name in undocumented_methods(module, node))


def undocumented_methods(module: Module, owner: ast.ClassDef) -> Iterator[str]:
    for method in owner.body:
        if isinstance(method, Function) and not method.name.startswith("_") and not is_told_elsewhere(method):
            yield from () if is_documented(module, owner.name, method) else (method.name,)


def is_told_elsewhere(method: Function) -> bool:
    """The doc string of an overloaded or assigned-to name is at its other half."""
    return any(ast.unparse(mark).rpartition(".")[2] in ("overload", "setter") for mark in method.decorator_list)


def is_documented(module: Module, owner: str, method: Function) -> bool:
    """By its own doc string, that of a base class, or that of the contract that its class says it fulfils."""
    if ast.get_docstring(method):
        return True
    loaded = getattr(importlib.import_module(module.name), owner)
    contracts = CONTRACT.findall(inspect.getdoc(loaded) or "")
    return any(inspect.getdoc(getattr(one, method.name, None)) for one in (loaded, *map(pydoc.locate, contracts)))


@cache
def texts() -> tuple[Path, ...]:
    """All text files of the repository; neither `.git`, a file in a linked work tree, nor what coverage writes."""
    inside = (path for name in DIRECTORIES for path in (ROOT / name).rglob("*") if "__pycache__" not in path.parts)
    here = (path for path in ROOT.iterdir() if path.name != ".git" and not path.name.startswith(".coverage"))
    return tuple(path for path in (*here, *inside) if path.is_file() and path.suffix not in BINARY)


def badly_begun(module: Module) -> Iterator[str]:
    doc = ast.get_docstring(module.tree) or ""
    if len(doc) <= 20 or not doc.partition("\n")[0].endswith((".", ":")):
        yield doc


def long_functions(module: Module) -> Iterator[str]:
    for node in functions(module):
        if lines_of_code(node) > FUNCTION_LINES:
            yield f"{node.name}: {lines_of_code(node)} lines"


def test_a_module_begins_with_what_it_is_responsible_for() -> None:
    assert found_wrong(badly_begun) == {}


def test_a_file_has_one_subject_and_so_is_short() -> None:
    lengths = {module.name: len(module.text.splitlines()) for module in modules()}
    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


def test_a_function_fits_a_screen() -> None:
    assert found_wrong(long_functions) == {}


def test_a_function_takes_few_parameters() -> None:
    assert found_wrong(lambda module: [node.name for node in functions(module) if parameters(node) > PARAMETERS]) == {}


def test_decisions_are_not_nested_deep() -> None:
    assert found_wrong(lambda module: [node.name for node in functions(module) if depth(node) > NESTING]) == {}


def test_what_is_public_is_documented() -> None:
    assert found_wrong(undocumented) == {}


def test_no_notes_to_ourselves() -> None:
    assert [path for path in texts() if NOTES.search(path.read_text(encoding="utf-8", errors="replace"))] == []


def test_no_paths_of_one_machine() -> None:
    assert [path for path in texts() if MACHINE_PATHS.search(path.read_text(encoding="utf-8", errors="replace"))] == []
