"""The comparison with other servers: each cell of its tables says where it comes from."""

import re
from collections.abc import Iterator

from tests.support.docs.pages import DOCS

PAGE = (DOCS / "comparison.md").read_text(encoding="utf-8")
SERVERS = ["ESG", "uvicorn", "granian", "gunicorn", "hypercorn", "daphne"]
SOURCES = dict(re.findall(r"^\[([\w-]+)\]: (\S+)$", PAGE, re.MULTILINE))


def rows() -> Iterator[tuple[str, list[str]]]:
    """The name of each row of the tables, and its cells, one for each server."""
    for line in PAGE.splitlines():
        if line.startswith("| ") and not line.startswith("| |"):
            name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            yield name, cells


def test_each_cell_has_its_source() -> None:
    found = list(rows())
    assert len(found) > 40
    assert [name for name, cells in found if len(cells) != len(SERVERS)] == []
    without = [
        f"{name}, {server}: {cell}"
        for name, cells in found
        for server, cell in zip(SERVERS, cells, strict=True)
        if not re.match(r"\[.+\]\([\w/.-]+\.md(#[\w-]+)?\)" if server == "ESG" else r"\[.+\]\[[\w-]+\]$", cell)
    ]
    assert without == []


def test_sources_are_known_and_used() -> None:
    named = set(re.findall(r"\]\[([\w-]+)\]", PAGE))
    assert named == SOURCES.keys()
    assert [source for source in SOURCES.values() if not source.startswith("https://")] == []


def test_sources_are_of_one_version() -> None:
    """A link to a branch shows something else tomorrow."""
    code = [source for source in SOURCES.values() if "/blob/" in source]
    assert [source for source in code if re.search(r"/blob/(main|master)/", source)] == []
    assert len(code) > 90
