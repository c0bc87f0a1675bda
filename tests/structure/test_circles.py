"""No circular imports inside a package, of modules or of folders, imports for type checkers included."""

from collections import Counter
from collections.abc import Iterable, Mapping

import pytest

from tests.support.import_graph import graph_of, of_siblings
from tests.support.source_tree import PACKAGES, modules

MOST_MODULES = 20
"""In one folder: more are hard to find by looking."""


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph[node]:
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            members = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(members) > 1:
                found.append(sorted(members))

    for node in graph:
        if node not in index:
            visit(node)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_of_modules_or_folders(package: str) -> None:
    found = {folder: circles(siblings) for folder, siblings in of_siblings(graph_of(package)).items()}
    assert {folder: ones for folder, ones in found.items() if ones} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_folder_holds_more_modules_than_one_finds(package: str) -> None:
    held = Counter(
        str(module.path.parent)
        for module in modules()
        if module.package == package and module.path.name != "__init__.py"
    )
    assert {folder: count for folder, count in held.items() if count > MOST_MODULES} == {}


def test_a_circle_is_found() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": ["b"], "d": []}) == [["b", "c"]]


def test_a_circle_of_folders_is_found_where_it_is() -> None:
    graph = {"p.a.one": {"p.b.two"}, "p.b.three": {"p.a.four"}, "p.b.two": set[str](), "p.a.four": {"p.a.one"}}
    found = of_siblings(graph)
    assert circles(found["p"]) == [["a", "b"]]
    assert circles(found["p.a"]) == []
