"""Reads the pages that the experiments write: their day, their tables, their bars."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Table = Mapping[str, Mapping[str, str]]
"""Line -> column -> cell; a line is named by its first cell."""


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of results, by its text."""

    text: str

    @classmethod
    def read(cls, path: Path) -> "ResultPage":
        """The page in a file."""
        return cls(path.read_text(encoding="utf-8"))

    @property
    def day(self) -> str:
        """When it was made."""
        found = re.search(r"^Made by .*?\b(\d{4}-\d\d-\d\d)", self.text, re.MULTILINE)
        if found is None:
            raise ValueError("the page does not say when it was made")
        return found[1]

    @property
    def bars(self) -> list[tuple[str, bool]]:
        """The sentences of its bars, and whether they hold."""
        return [(said, word == "yes") for word, said in re.findall(r"^\* (yes|NO): (.+)$", self.text, re.MULTILINE)]

    def tables(self) -> Iterator[tuple[str, Table]]:
        """The tables, each with the headings that it stands under: `Replaced/haproxy`."""
        headings: dict[int, str] = {}
        rows: list[list[str]] = []
        for line in [*self.text.splitlines(), ""]:
            if line.startswith("|"):
                rows.append([cell.strip() for cell in line.strip("|").split("|")])
                continue
            if rows:
                head, _, *lines = rows
                yield "/".join(headings.values()), {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in lines}
                rows = []
            if found := re.match(r"(#{2,}) (.+)", line):
                depth = len(found[1])
                headings = {level: title for level, title in headings.items() if level < depth} | {depth: found[2]}

    def table(self, under: str = "") -> Table:
        """The first table below these headings."""
        return next(table for headings, table in self.tables() if headings == under)
