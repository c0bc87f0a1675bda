"""Names of header fields: checked once, lower-cased once.

Pure; knows nothing of messages. The same names come again and again, so each table learns what it has seen and then
answers with one look-up. The tables are bounded: beyond the bound, each name is computed every time.
"""

import re

from esg_core.asgi import Headers
from esg_http.message.grammar import TOKEN

_BOUND = 1024

_LONGEST = 64
"""The longest name, in bytes, that is worth remembering."""


class LowerNames(dict[bytes, bytes]):
    """Field name as received -> in lower case."""

    def __missing__(self, name: bytes) -> bytes:
        lower = name.lower()
        if len(name) <= _LONGEST and len(self) < _BOUND:
            self[name] = lower
        return lower


LOWER = LowerNames()

_NAME = re.compile(TOKEN + rb"+")


def is_name(name: bytes) -> bool:
    """Whether `name` is a valid field name: a token (RFC 9110 section 5.1)."""
    return _NAME.fullmatch(name) is not None


def split_fields(block: bytes) -> Headers:
    """Split a block of field lines that the grammar has accepted: `grammar.FIELD_LINE`."""
    headers = []
    for line in block.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        headers.append((LOWER[name], value.strip(b" \t")))
    return headers
