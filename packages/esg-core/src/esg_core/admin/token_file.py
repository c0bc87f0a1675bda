"""Reads the token of the admin address from a file: for the server that compares it, and for clients that send it.

Knows the rules for a token (rule M-3), not the option that names the file.
"""

import re
from os import PathLike
from pathlib import Path

from esg_core.errors import UsageError, reason_of

LONGEST_TOKEN = 4096

_TOKEN = re.compile(rb"[!-~]+")


def read_token(path: str | PathLike[str], called: str) -> bytes:
    """The token in a file, without white space around it.

    Raises `UsageError` if it cannot be read, or is not one word of visible ASCII. `called` is what the user calls the
    file, for that error.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(LONGEST_TOKEN + 1).strip()
    except OSError as error:
        raise UsageError(f"{called}: cannot be read: {reason_of(error)}") from None
    if not text:
        raise UsageError(f"{called}: the file is empty")
    if len(text) > LONGEST_TOKEN or _TOKEN.fullmatch(text) is None:
        raise UsageError(f"{called}: must hold one word of at most {LONGEST_TOKEN} visible ASCII characters")
    return text
