"""The picture of the packages in docs/design.md is that of the code."""

import re
from functools import cache

import pytest

from tests.support.import_graph import graph_of, of_siblings
from tests.support.source_tree import ROOT, module_names

COLUMN = 62
"""Where the right half of the picture begins."""


@cache
def picture() -> dict[str, list[str]]:
    """The names in each of its parts, from top to bottom."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    lines = text.partition("### Inside the packages")[2].partition("```text\n")[2].partition("```")[0].splitlines()
    parts: dict[str, list[str]] = {}
    for line in [line[:COLUMN] for line in lines] + [line[COLUMN:] for line in lines]:
        if re.fullmatch(r"esg_[\w.]+ *", line):
            parts[line.strip()] = []
        elif found := re.match(r" {3}(\w+(?:, \w+)*)", line):
            parts[list(parts)[-1]].extend(found[1].split(", "))
    return parts


@pytest.mark.parametrize("folder", picture())
def test_everything_in_a_folder_is_in_the_picture(folder: str) -> None:
    inside = {name.removeprefix(f"{folder}.").partition(".")[0] for name in module_names() if f"{folder}." in name}
    assert {name for name in inside if not name.startswith("__")} == set(picture()[folder])


@pytest.mark.parametrize("folder", picture())
def test_what_is_in_the_picture_knows_only_what_is_below(folder: str) -> None:
    known = of_siblings(graph_of(folder.partition(".")[0]))[folder]
    order = picture()[folder]
    wrong = [
        f"{name} knows {target}"
        for at, name in enumerate(order)
        for target in known.get(name, ())
        if target not in order[at:]
    ]
    assert wrong == []
