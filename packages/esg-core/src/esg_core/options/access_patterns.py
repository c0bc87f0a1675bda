"""Reads the patterns of `access_log_exclude`: `[METHOD] PATH [STATUS]` (rule A-9). Pure."""

import re
from fnmatch import translate
from typing import NamedTuple

_PATTERN = re.compile(r"(?:(?P<method>[A-Za-z-]+)\s+)?(?P<path>[/*]\S*)(?:\s+(?P<status>[1-9](?:\d\d|[xX]{2})))?")

Statuses = tuple[int, int]
"""The first and the last status that a pattern excludes."""

ALL_STATUSES: Statuses = (0, 999)


class Pattern(NamedTuple):
    """One pattern; `method` is empty if any will do."""

    method: str
    path: re.Pattern[str]
    statuses: Statuses


def read_pattern(text: str) -> Pattern | None:
    """Read `[METHOD] PATH [STATUS]`, such as `GET /health* 2xx`; None if it is malformed.

    `*`, `?` and `[...]` in PATH are those of `fnmatch`, and `*` also matches slashes. STATUS is a number or a class.
    """
    found = _PATTERN.fullmatch(text.strip())
    if found is None:
        return None
    return Pattern((found["method"] or "").upper(), re.compile(translate(found["path"])), _statuses(found["status"]))


def _statuses(text: str | None) -> Statuses:
    if text is None:
        return ALL_STATUSES
    if text.isdigit():
        return int(text), int(text)
    return int(text[0]) * 100, int(text[0]) * 100 + 99
