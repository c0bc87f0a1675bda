"""The reference page matches the declarations."""

import re

from esg_core.options.catalogue import COMMAND_OPTIONS, COMMON, SERVER_OPTIONS
from tools.options_page import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "regenerate it: python -m tools.options_page"


def test_each_option_has_an_entry() -> None:
    headings = re.findall(r"^### (\w+)$", page(), re.MULTILINE)
    assert sorted(headings) == sorted([*SERVER_OPTIONS, *COMMAND_OPTIONS])


def test_an_entry_is_complete() -> None:
    _, _, rest = page().partition("### timeout_request_headers\n")
    assert [line for line in rest.partition("###")[0].splitlines() if line.startswith("| ")] == [
        "|  |  |",
        "| --- | --- |",
        "| Command line | `--timeout-request-headers SECONDS` |",
        "| Environment | `ESG_TIMEOUT_REQUEST_HEADERS` |",
        "| File, keyword | `timeout_request_headers` |",
        "| Value | a number of seconds, or 0 for no limit |",
        "| Unit | seconds |",
        "| Default | `15` |",
    ]


def test_tables_are_not_torn_by_what_they_show() -> None:
    rows = [line for line in page().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3, 4}


def test_each_option_has_a_line_in_the_overview_that_leads_to_its_entry() -> None:
    overview = page().partition("## Overview\n")[2].partition("\n## ")[0]
    everyday, every = (
        re.findall(r"^\| \[`(\w+)`\]\(#\1\) \|", part, re.MULTILINE) for part in overview.split("--help-all")
    )
    assert everyday == list(COMMON)
    assert sorted(every) == sorted([*SERVER_OPTIONS, *COMMAND_OPTIONS])
