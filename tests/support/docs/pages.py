"""The pages of the documentation as text: headings, links and blocks of code."""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.source_tree import ROOT

DOCS = ROOT / "docs"

MARK = re.compile(r"<!-- (not run|run by): (.+?) -->", re.DOTALL)
"""What stands on the line before a block that the tests of pages do not run: `not run` and why, or `run by` a test."""

_FENCE = re.compile(
    r"(?P<mark>^[ ]*<!--(?:(?!-->).)*-->\n+)?^(?P<indent>[ ]*)```(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code: `language` and `title` are from its first line, `mark` is `not run`, `run by` or ""."""

    page: str
    line: int
    language: str
    title: str
    text: str
    mark: str
    reason: str

    def __str__(self) -> str:
        return f"docs/{self.page}:{self.line}"

    @property
    def is_fragment(self) -> bool:
        """Whether it is a part of a program: Python that awaits outside functions, or uses what it does not define."""
        flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        nodes = [*ast.walk(compile(self.text, str(self), "exec", flags))]
        used = {node.id for node in nodes if isinstance(node, ast.Name)}
        return bool(used - _defined(nodes) - set(dir(builtins)) - {"__name__", "__file__"})


def _defined(nodes: list[ast.AST]) -> set[str]:
    """The names that a program gives to something, anywhere in it."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name.partition(".")[0])
    return found


def pages() -> list[Path]:
    return sorted(DOCS.rglob("*.md"))


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        info, title = found["info"].strip(), _TITLE.search(found["info"])
        mark = MARK.search(found["mark"] or "")
        indent = len(found["indent"])
        yield Block(
            page=name_of(page),
            line=text.count("\n", 0, found.start("indent")) + 1,
            language=info.split(" ")[0],
            title=title[1] if title else "",
            text="".join(line[indent:] for line in found["text"].splitlines(keepends=True)),
            mark=mark[1] if mark else "",
            reason=" ".join(mark[2].split()) if mark else "",
        )


def prose(page: Path) -> str:
    """The text without blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Where a page leads to within the repository."""
    found = _LINK.findall(re.sub(r"`[^`\n]+`", "", prose(page)))
    return [link for link in found if "://" not in link and not link.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("\\", "").strip()
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found.add(
            next(
                slug if n == 0 else f"{slug}-{n}" for n in range(99) if (slug if n == 0 else f"{slug}-{n}") not in found
            )
        )
    return found
