"""Parses the `Forwarded` header field (RFC 7239), from its trustworthy end.

Pure; knows the grammar, not which proxies are trusted. Each proxy appends one element, so the last one is the nearest
proxy's and everything before it may be forged. Read from the left, a forged quotation mark that is never closed would
swallow the genuine elements, so the text is reversed and read from the right, where no client can write.
"""

import re
from collections.abc import Iterator

from esg_core.header_fields import TCHARS, TOKEN

_NAME = rf"{TOKEN}++"
_BARE = rf"[{TCHARS}:\[\]]++"  # colons and brackets need quotes (section 6), but not all proxies know
_QUOTED = r"[^\"\\\x00-\x1f\x7f]*+"
_PAIR = re.compile(rf'[ \t;]*+(?:"(?P<quoted>{_QUOTED})"|(?P<bare>{_BARE}))=(?P<name>{_NAME})[ \t]*+(?P<next>[;,]|\Z)')
_GAP = re.compile(r"[ \t,]*+")


def elements(value: str) -> Iterator[dict[str, str]]:
    """The elements of a field from right to left: parameters by lower-case name, without quotation marks.

    Ends, without raising, at the first malformed element. Escapes within quotes, which no valid parameter needs, and
    parameters that occur twice are malformed too.
    """
    backwards = value[::-1]
    at = 0
    while gap := _GAP.match(backwards, at):
        element, at = _element(backwards, gap.end())
        if not element:
            return
        yield element


def _element(backwards: str, at: int) -> tuple[dict[str, str], int]:
    """The element that starts at `at`, empty if malformed or missing, and the start of the next one."""
    element: dict[str, str] = {}
    while pair := _PAIR.match(backwards, at):
        name = pair["name"][::-1].lower()
        if name in element:
            break
        element[name] = (pair["bare"] or pair["quoted"])[::-1]
        at = pair.end()
        if pair["next"] != ";":
            return element, at
    return {}, at
