"""The reference page about states agrees with the tables in the code."""

import re

from esg_http.h1.states import Event, Reading
from esg_http.h2.engine.states import STATES
from tools.states_page import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it again: python -m tools.states_page"


def test_each_state_and_event_has_a_row() -> None:
    first, _, second = page().partition("## HTTP/2")
    assert re.findall(r"^\| `(\w+)` \|", first, re.MULTILINE) == [state.name for state in Reading]
    assert all(f"\n| {event.value} |" in first for event in Event)
    assert all(second.count(f"\n| {name} |") == 2 for name, _ in STATES.values())


def test_rows_are_as_wide_as_their_heads() -> None:
    for lines in re.findall(r"(?:^\|.*\n)+", page(), re.MULTILINE):
        assert len({line.count("|") for line in lines.splitlines()}) == 1
