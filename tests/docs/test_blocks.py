"""Every block of code in the documentation that is a command or a program is run, or says why it is not.

A block that cannot be run here has a line before it: `<!-- not run: REASON -->`, or `<!-- run by: TEST -->` if another
test runs it. Everything else is run, page by page, as `tests.support.docs.session` says; of Python that is a part of a
program, the syntax is checked.
"""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.docs.pages import DOCS, Block, blocks, name_of, pages
from tests.support.docs.session import Session
from tests.support.e2e.programs import needs
from tests.support.source_tree import ROOT

PROGRAMS = ("bash", "console", "python", "sh")
DATA: dict[str, Callable[[str], Any]] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
TEXT = ("", "diff", "dockerfile", "html", "http", "mermaid", "nginx", "text")

BLOCKS = [block for page in pages() for block in blocks(page)]


def is_run(block: Block) -> bool:
    if block.language == "python" and not block.title and block.is_fragment:
        return False
    return block.language in PROGRAMS and not block.mark


def test_blocks_are_of_a_known_language() -> None:
    known = {*PROGRAMS, *DATA, *TEXT, "ini"}
    assert [f"{block} {block.language}" for block in BLOCKS if block.language not in known] == []


def test_marks_are_for_programs_and_name_tests_that_exist() -> None:
    marked = [block for block in BLOCKS if block.mark]
    assert [str(block) for block in marked if block.language not in PROGRAMS] == []
    named = {path: ROOT / path for block in marked if block.mark == "run by" for path in block.reason.split(", ")}
    assert [name for name, path in named.items() if not path.is_file()] == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in DATA], ids=str)
def test_data_can_be_read(block: Block) -> None:
    DATA[block.language](block.text)


@pytest.mark.slow
@needs("curl")
@needs("openssl")
@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS if is_run(block)}))
def test_programs_do_what_their_page_says(page: str, tmp_path: Path) -> None:
    with Session(tmp_path) as session:
        for block in blocks(DOCS / page):
            if is_run(block) or (block.title and not block.mark):
                session.run(block)
        session.stop()


def test_every_page_is_looked_at() -> None:
    assert {block.page for block in BLOCKS} <= set(map(name_of, pages()))
    assert sum(map(is_run, BLOCKS)) > 20
