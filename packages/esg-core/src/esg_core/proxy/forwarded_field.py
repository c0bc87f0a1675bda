"""The `Forwarded` header field (RFC 7239), read from its trustworthy end.

Pure; knows the grammar, not who is to be believed. Each proxy appends one element, so the last one is the nearest
proxy's and everything before it may be a forgery. Read from the left, a forged quotation mark that is never closed
would swallow the true elements; therefore the text is turned round and read from the right, where no forger can reach.
"""

import re
from collections.abc import Iterator

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_BARE = r"[!#$%&'*+\-.^_`|~0-9A-Za-z:\[\]]++"  # colons and brackets need quotes (section 6), but not all proxies know
_QUOTED = r"[^\"\\\x00-\x1f\x7f]*+"
_PAIR = re.compile(rf'[ \t;]*+(?:"(?P<quoted>{_QUOTED})"|(?P<bare>{_BARE}))=(?P<name>{_NAME})[ \t]*+(?P<next>[;,]|\Z)')
_GAP = re.compile(r"[ \t,]*+")


def elements(value: str) -> Iterator[dict[str, str]]:
    """The elements of a field from right to left: parameters by their names in lower case, quotation marks taken off.

    Ends, without raising, at the first element that is malformed. That is also one with an escape within quotes, which
    no valid parameter needs, or with a parameter that occurs twice.
    """
    backwards = value[::-1]
    at = 0
    while gap := _GAP.match(backwards, at):
        element, at = _element(backwards, gap.end())
        if not element:
            return
        yield element


def _element(backwards: str, at: int) -> tuple[dict[str, str], int]:
    """One element, which starts at `at`, and where the next one does; an empty one if it is malformed or missing."""
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
