"""Links of the documentation: files, anchors, and the navigation of the site. `tools.site` looks at the built site."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.docs.pages import DOCS, anchors, links, name_of, pages
from tests.support.source_tree import ROOT
from tools import bars_page, error_page, landing_chart, pictures, proof_page
from tools.site.hooks import rewritten

SITE = ROOT / "mkdocs.yml"


@cache
def anchors_of(page: Path) -> set[str]:
    return anchors(page)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    dead = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        is_page = target.suffix == ".md" and target.exists()
        if not target.exists() or (anchor and is_page and anchor not in anchors_of(target)):
            dead.append(link)
    assert dead == []


class _Loader(yaml.SafeLoader):
    """Reads the configuration of MkDocs, whose tags name objects of Python."""


_LOADED: Any = _Loader
_LOADED.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def navigation(node: Any) -> list[str]:
    if isinstance(node, str):
        return [] if "://" in node else [node]
    entries = node.values() if isinstance(node, dict) else node
    return [page for entry in entries for page in navigation(entry)]


def test_each_page_is_in_the_navigation_once() -> None:
    """A page that is missing belongs into `nav` of mkdocs.yml, in the section where readers look for it."""
    listed = navigation(yaml.load(SITE.read_text(encoding="utf-8"), _Loader)["nav"])
    assert sorted(listed) == sorted(map(name_of, pages()))


def test_links_that_leave_the_pages_lead_to_the_repository() -> None:
    text = "[a](../examples/hello.py) [b](../examples) [c](reference/options.md#port) [d](../README.md#use)"
    there = "https://example.org/r"
    assert rewritten(text, "reload.md", DOCS, there) == (
        f"[a]({there}/blob/main/examples/hello.py) [b]({there}/tree/main/examples) [c](reference/options.md#port) "
        f"[d]({there}/blob/main/README.md#use)"
    )
    assert rewritten("[a](../design.md)", "reference/states.md", DOCS, there) == "[a](../design.md)"
    assert rewritten("[a](../../LICENSE)", "reference/states.md", DOCS, there) == f"[a]({there}/blob/main/LICENSE)"


def test_what_is_made_from_code_is_up_to_date() -> None:
    made = {error_page.PAGE: error_page.page(), landing_chart.CHART: landing_chart.chart()}
    made |= {proof_page.PAGE: proof_page.page(), bars_page.PAGE: bars_page.page()}
    made |= {pictures.IMAGES / name: pictures.svg(picture) for name, picture in pictures.PICTURES.items()}
    old = [path.name for path, text in made.items() if path.read_text(encoding="utf-8") != text]
    tools = "error_page, tools.landing_chart, tools.pictures, tools.proof_page, tools.bars_page"
    assert old == [], f"run: python -m tools.{tools}"


def mentioned(page: str) -> set[str]:
    return set(re.findall(r"`([\w-]+)`", (DOCS / page).read_text(encoding="utf-8")))


def test_u8_every_setting_of_gunicorn_is_on_its_page() -> None:
    from gunicorn.config import KNOWN_SETTINGS

    assert {setting.name for setting in KNOWN_SETTINGS} - mentioned("migrating-from-gunicorn.md") == set()


def test_u8_every_setting_of_hypercorn_is_on_its_page() -> None:
    """Hypercorn comes with Quart."""
    from hypercorn.config import Config

    settings = {name for name in dir(Config) if not name.startswith("_") and not callable(getattr(Config, name))}
    assert settings - mentioned("migrating-from-hypercorn.md") == set()


@pytest.mark.parametrize("peer", ["gunicorn", "hypercorn", "granian", "daphne"])
def test_u8_options_named_on_the_pages_of_peers_exist(peer: str) -> None:
    """The second column of the tables of options."""
    from esg_core.options.catalogue import COMMAND_OPTIONS, SERVER_OPTIONS

    text = (DOCS / f"migrating-from-{peer}.md").read_text(encoding="utf-8")
    table = re.search(rf"^\| {peer} \| ESG \| \|\n(?:\|.*\n)+", text, re.MULTILINE)
    assert table is not None
    cells = [row.split("|")[2] for row in table[0].splitlines()[2:]]
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert named - SERVER_OPTIONS.keys() - COMMAND_OPTIONS.keys() == set()
    assert len(named) > 12
