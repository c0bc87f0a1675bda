"""Looks for dead links in a site that has been built: pages, files and anchors. Addresses elsewhere are not asked for.

Knows HTML and files, and nothing of how the site was made.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(slots=True)
class Page:
    """What matters of a page here: where it leads, and where others can lead to in it."""

    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.page.anchors.update(value for name in ("id", "name") if (value := found.get(name)))
        target = found.get("href" if tag in ("a", "link") else "src")
        if target is not None:
            self.page.links.append(target)


def dead_links(site: Path) -> Iterator[str]:
    """`page: link`, for each link on a page of the site that leads nowhere."""
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        if path.name != "404.html":  # its links begin with the address of the site
            yield from (f"{path.relative_to(site)}: {link}" for link in page.links if _is_dead(link, path, pages))


def _read(path: Path) -> Page:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def _is_dead(link: str, path: Path, pages: dict[Path, Page]) -> bool:
    target = urlsplit(link)
    if target.scheme or target.netloc:
        return False
    found = (path.parent / unquote(target.path)).resolve() if target.path else path
    if found.is_dir():
        found /= "index.html"
    if not found.exists():
        return True
    anchor = unquote(target.fragment)
    return bool(anchor) and found in pages and anchor not in pages[found].anchors and anchor != "__skip"
