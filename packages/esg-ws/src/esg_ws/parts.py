"""Puts a message together from the parts it comes in (RFC 6455 section 5.4), and checks that a text is UTF-8.

Sans-I/O. However small the parts are, this takes linear time, and little more memory than they have bytes. A binary
message grows in place, so that its end costs nothing; a text is joined when it is complete.
"""

from codecs import getincrementaldecoder
from io import BytesIO
from typing import Protocol

TOGETHER = 4096
"""How many parts of a text are joined at a time."""

WIDEST = 4
"""Bytes that each character of a text takes in memory, if one of them is beyond the first 65,536."""

_utf8_decoder = getincrementaldecoder("utf-8")


class Parts(Protocol):
    """The parts of one message."""

    def add(self, part: bytes, end: bool) -> int:
        """The next part has come, with `end` the last one; returns how many bytes it takes here at the most."""

    def whole(self) -> str | bytes:
        """The message."""


class TextParts:
    """A text; `add()` raises `UnicodeDecodeError` for the first part that is wrong (RFC 6455 section 8.1)."""

    __slots__ = ("_blocks", "_decode", "_parts")

    def __init__(self) -> None:
        self._decode = _utf8_decoder().decode
        self._parts: list[str] = []
        self._blocks: list[str] = []

    def add(self, part: bytes, end: bool) -> int:
        """As `Parts.add`."""
        text = self._decode(part, end)
        if text:
            self._parts.append(text)
            if len(self._parts) >= TOGETHER:
                self._blocks.append("".join(self._parts))
                self._parts.clear()
        return held_size(text)

    def whole(self) -> str:
        """As `Parts.whole`."""
        return "".join([*self._blocks, *self._parts])


class BinaryParts:
    """A binary message."""

    __slots__ = ("_buffer", "whole")

    def __init__(self) -> None:
        self._buffer = BytesIO()
        self.whole = self._buffer.getvalue

    def add(self, part: bytes, end: bool) -> int:
        """As `Parts.add`."""
        return self._buffer.write(part)


def held_size(message: str | bytes) -> int:
    """Bytes that a message takes in memory at the most."""
    return len(message) if isinstance(message, bytes) or message.isascii() else WIDEST * len(message)


__all__ = ["TOGETHER", "WIDEST", "BinaryParts", "Parts", "TextParts", "held_size"]
