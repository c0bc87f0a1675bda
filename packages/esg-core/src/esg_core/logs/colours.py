"""Colours on terminals: when to use them, and the escape sequences.

Knows nothing of log records. The decision concerns the one stream that is written to: a log file stays plain even if
the terminal is coloured.
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
    """An argument of a log record that is bold where colours are used, and plain everywhere else."""

    __slots__ = ()
    colour = BOLD


class Cyan(Bold):
    """The same in cyan, for process IDs."""

    __slots__ = ()
    colour = CYAN


class Preference:
    """The option `use_colors`; kept here because it also applies to formatters of a user's own configuration."""

    use_colors: bool | None = None


def uses_colours(stream: TextIO | None, asked: bool | None = None) -> bool:
    """Whether to colour what is written to `stream`.

    `asked` comes first, then the option `use_colors`. If both are None, a non-empty `NO_COLOR` turns colours off, then
    a non-empty `FORCE_COLOR` turns them on; otherwise a terminal is coloured unless it is dumb.
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
    """Whether the stream is a terminal; one that is closed, or has no `isatty()`, is not."""
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError):
        return False


def paint(text: str, colour: str) -> str:
    """`text` in a colour; unchanged if the colour is empty."""
    return f"{colour}{text}{RESET}" if colour else text
