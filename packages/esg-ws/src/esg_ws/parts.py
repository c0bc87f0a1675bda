"""Joins the parts of a message (RFC 6455 section 5.4), and checks that a text is UTF-8.

Sans-I/O. However small the parts are, joining them takes linear time, and little more memory than they have bytes: many
small parts are joined into fewer larger ones on the way.
"""

from codecs import utf_8_decode
from typing import Any, ClassVar

TOGETHER = 4096
"""How many parts are joined at a time."""

SURROGATES, BEYOND = b"\xed\xa0", b"\xee"
"""What begins like a surrogate is no text."""

WIDEST = 4
"""Bytes that each character of a text takes in memory if one of them is above U+FFFF."""


class Parts:
    """The parts of one binary message."""

    __slots__ = ("_blocks", "_parts")

    _EMPTY: ClassVar[Any] = b""

    def __init__(self) -> None:
        self._parts: list[str | bytes] = []
        self._blocks: list[str | bytes] = []

    def add(self, part: bytes, end: bool) -> int:
        """Add the next part, the last one if `end` is set; returns at most how many bytes it takes here."""
        self._parts.append(part)
        if len(self._parts) >= TOGETHER:
            self._join()
        return len(part)

    def _join(self) -> None:
        self._blocks.append(self._EMPTY.join(self._parts))
        self._parts.clear()

    def whole(self) -> str | bytes:
        """The whole message."""
        message: str | bytes = self._EMPTY.join([*self._blocks, *self._parts])
        return message


class TextParts(Parts):
    """The parts of a text; `add()` raises `UnicodeDecodeError` for the first invalid one (RFC 6455 section 8.1)."""

    __slots__ = ("_rest",)

    _EMPTY = ""

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""

    def add(self, part: bytes, end: bool) -> int:
        if self._rest:
            part = self._rest + part
        text, size = utf_8_decode(part, "strict", end)
        self._rest = rest = part[size:]  # the beginning of a character that is cut
        if SURROGATES <= rest < BEYOND:
            utf_8_decode(rest, "strict", True)  # raises; without the end, it would wait for the third byte
        self._parts.append(text)
        if len(self._parts) >= TOGETHER:
            self._join()
        return size if text.isascii() else WIDEST * len(text)


def held_size(message: str | bytes) -> int:
    """At most how many bytes a message takes in memory."""
    return len(message) if isinstance(message, bytes) or message.isascii() else WIDEST * len(message)
