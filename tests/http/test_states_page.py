"""The reference page about states agrees with the tables in the code."""

import re
from pathlib import Path

import pytest

from esg_http.h1.states import Event, Reading
from esg_http.h2.engine.states import STATES
from tools.states_page import main, page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "states.md"

WRITE_IT = "python -m tools.states_page docs/reference/states.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), f"write it again: {WRITE_IT}"


def test_each_state_and_event_has_a_row() -> None:
    first, _, second = page().partition("## HTTP/2")
    assert re.findall(r"^\| `(\w+)` \|", first, re.MULTILINE) == [state.name for state in Reading]
    assert all(f"\n| {event.value} |" in first for event in Event)
    assert all(second.count(f"\n| {name} |") == 2 for name, _ in STATES.values())


def test_rows_are_as_wide_as_their_heads() -> None:
    for lines in re.findall(r"(?:^\|.*\n)+", page(), re.MULTILINE):
        assert len({line.count("|") for line in lines.splitlines()}) == 1


def test_the_program_writes_a_file_or_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path / "states.md")])
    main([])
    assert (tmp_path / "states.md").read_text(encoding="utf-8") == capsys.readouterr().out == page()
