"""Puts a message together from the parts it comes in (RFC 6455 section 5.4).

Sans-I/O. However small the parts are, putting them together takes linear time, and little more memory than they have
bytes: many small parts are joined to fewer larger ones on the way.
"""

from typing import Any

TOGETHER = 4096
"""How many parts are joined at a time."""


class Parts:
    """The parts of one message; `empty` is what no parts make: "" for a text, b"" for a binary message."""

    __slots__ = ("_blocks", "_empty", "_parts")

    def __init__(self, empty: str | bytes) -> None:
        self._empty: Any = empty
        self._parts: list[str | bytes] = []
        self._blocks: list[str | bytes] = []

    def add(self, part: str | bytes) -> None:
        """The next part has come, of the same kind as all others."""
        if part:
            self._parts.append(part)
            if len(self._parts) >= TOGETHER:
                self._blocks.append(self._empty.join(self._parts))
                self._parts.clear()

    def whole(self) -> str | bytes:
        """The message."""
        message: str | bytes = self._empty.join([*self._blocks, *self._parts])
        return message


__all__ = ["Parts"]
