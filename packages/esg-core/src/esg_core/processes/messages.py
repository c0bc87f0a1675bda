"""The messages between a parent and a worker, one byte each; anything else that a worker sends is text.

Text after `FAILED` is the reason of a failed start; other text shows what the threads of the worker are doing. Text
never contains the byte of a message. When the line ends, the other process has gone, for whatever reason.
"""

import re
from dataclasses import dataclass

# From a worker.

READY = b"\x01"
"""It accepts connections."""

ALIVE = b"\x02"
"""Its event loop runs."""

LIMIT_REACHED = b"\x03"
"""It has reached its request limit."""

STOP_REQUESTED = b"\x04"
"""It was asked to end, but not by its parent."""

FAILED = b"\x05"
"""It cannot start; the text that follows says why: one line, then the details."""

# From the parent.

RETIRE = b"\x06"
"""Drain and end; a successor accepts the connections in the queue."""

CLOSE = b"\x07"
"""Accept the connections in the queue, drain and end."""

REOPEN = b"\x0e"
"""Reopen the log files."""

SHOW_STACKS = b"\x0f"
"""Show what the threads are doing."""

_MESSAGE = re.compile(rb"[\x01-\x07\x0e\x0f]")
_STRANGE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def as_text(text: str) -> bytes:
    """Encode text for the line, so that it contains no message."""
    return _STRANGE.sub(lambda found: f"\\x{ord(found[0]):02x}", text).encode("utf-8", "backslashreplace")


@dataclass
class LineReader:
    """Separates what one worker sends into messages and `text`, which is kept until `take()`."""

    text: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages in `data`; the rest is kept as text."""
        self.text += _MESSAGE.sub(b"", data)
        return _MESSAGE.findall(data)

    def take(self) -> str:
        """Return the text, and forget it."""
        text, self.text = self.text.decode("utf-8", "replace").strip("\n"), b""
        return text
