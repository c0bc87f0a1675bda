"""Colours on terminals: when to use them, and the escape sequences.

Knows nothing of log records. The decision is about one stream, the one that is written to: a log in a file stays plain
while the terminal beside it is coloured.
"""

import os
from typing import TextIO

RESET = "\x1b[0m"
BOLD = "\x1b[1m"
BLUE = "\x1b[34m"
CYAN = "\x1b[36m"
GREEN = "\x1b[32m"
YELLOW = "\x1b[33m"
RED = "\x1b[31m"
BRIGHT_RED = "\x1b[91m"
BRIGHT_WHITE = "\x1b[97m"

LEVELS = {
    "TRACE": BLUE,
    "DEBUG": CYAN,
    "INFO": GREEN,
    "WARNING": YELLOW,
    "ERROR": RED,
    "CRITICAL": BRIGHT_RED,
}
STATUS_CLASSES = {1: BRIGHT_WHITE, 2: GREEN, 3: YELLOW, 4: RED, 5: BRIGHT_RED}


class Bold(str):
    """Text that stands out where colours are used, and is plain text everywhere else: an argument of a log record."""

    __slots__ = ()
    colour = BOLD


class Cyan(Bold):
    """The same in a colour, for the numbers of processes."""

    __slots__ = ()
    colour = CYAN


class Preference:
    """What the option `use_colors` says; here, because it also counts for formatters that a user's own file makes."""

    use_colors: bool | None = None


def uses_colours(stream: TextIO | None, asked: bool | None = None) -> bool:
    """Whether to colour what is written to `stream`.

    `asked` comes first, then the option `use_colors`. When both are None, `NO_COLOR` switches off, else `FORCE_COLOR`
    on (either counts when it is not empty), else a terminal that is not dumb is coloured.
    """
    asked = asked if asked is not None else Preference.use_colors
    if asked is not None:
        return asked
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody watches; a stream that is closed, or has never heard of the question, is no terminal."""
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError):
        return False


def paint(text: str, colour: str) -> str:
    """`text` in a colour; unchanged if the colour is empty."""
    return f"{colour}{text}{RESET}" if colour else text
