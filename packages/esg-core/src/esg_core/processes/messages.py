"""What a parent and a worker say to each other, each in one byte; what a worker says besides is text.

Text is a failure to start after `FAILED`, and otherwise what the threads of a worker are doing. No text contains the
bytes of messages. An end of the line says that the other one has gone, in whatever way.
"""

import re
from dataclasses import dataclass

# From a worker.

READY = b"\x01"
"""It accepts clients."""

ALIVE = b"\x02"
"""Its event loop runs."""

LIMIT_REACHED = b"\x03"
"""It has served as many requests as it is to."""

STOP_REQUESTED = b"\x04"
"""It was asked to end, by somebody else than its parent."""

FAILED = b"\x05"
"""It cannot start; the text that follows says why: one line, and below it what helps to understand it."""

# From the parent.

RETIRE = b"\x06"
"""Drain and end; a successor gets the clients that wait to be accepted."""

CLOSE = b"\x07"
"""Accept the clients that wait, drain and end."""

REOPEN = b"\x0e"
"""Open the log files anew."""

SHOW_STACKS = b"\x0f"
"""Say what the threads are doing."""

_MESSAGE = re.compile(rb"[\x01-\x07\x0e\x0f]")
_STRANGE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def as_text(text: str) -> bytes:
    """Text for the line, in which no message can hide."""
    return _STRANGE.sub(lambda found: f"\\x{ord(found[0]):02x}", text).encode("utf-8", "backslashreplace")


@dataclass
class LineReader:
    """What has come from one worker: `text` is what it has said that nobody has taken yet."""

    text: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages in what has just come; the rest is kept as text."""
        self.text += _MESSAGE.sub(b"", data)
        return _MESSAGE.findall(data)

    def take(self) -> str:
        """The text, once."""
        text, self.text = self.text.decode("utf-8", "replace").strip("\n"), b""
        return text
