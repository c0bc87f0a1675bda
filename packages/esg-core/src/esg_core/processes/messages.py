"""The messages between a parent and a worker, one byte each; what else a worker sends is an answer, or text.

Text after `FAILED` is the reason of a failed start; other text shows what the threads of the worker are doing. Text
never contains the byte of a message. When the line ends, the other process has gone, for whatever reason.

An answer is JSON in pieces, each framed by two bytes of their own. The kernel takes a piece whole or not at all, so no
other thread and no signal handler can write into the middle of one, and an answer that is given up harms nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

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

HURRY = b"\x16"
"""All others end too, now that it is asked to end, or while it drains."""

REOPEN = b"\x0e"
"""Reopen the log files."""

SHOW_STACKS = b"\x0f"
"""Show what the threads are doing."""

ASK_STACKS = b"\x10"
"""Answer where threads and tasks are."""

ASK_REQUESTS = b"\x11"
"""Answer which requests run, and which have ended slowly or badly."""

# The frame of a piece of an answer.

FIRST = b"\x12"
NEXT = b"\x14"
"""How it begins: the first one of an answer, or another."""

MORE = b"\x13"
LAST = b"\x15"
"""How it ends."""

PIECE = 2048
"""Bytes of an answer in one piece: few enough for a single buffer of the kernel."""

_MESSAGE = re.compile(rb"[\x01-\x07\x0e-\x11]")
_PIECE = re.compile(rb"([\x12\x14])([^\x12-\x15]*)([\x13\x15])")
_BEGINNING = re.compile(rb"[\x12\x14][^\x13\x15]*\Z")
_STRANGE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def as_text(text: str) -> bytes:
    """Encode text for the line, so that it contains no message."""
    return _STRANGE.sub(lambda found: f"\\x{ord(found[0]):02x}", text).encode("utf-8", "backslashreplace")


def pieces_of(answer: bytes) -> Iterator[bytes]:
    """The framed pieces of an answer, which must have no control characters: JSON escapes them."""
    for at in range(0, len(answer), PIECE):
        begin, end = FIRST if at == 0 else NEXT, LAST if at + PIECE >= len(answer) else MORE
        yield begin + answer[at : at + PIECE] + end


@dataclass
class LineReader:
    """Separates what one worker sends into messages, `answers` and `text`; the last two are kept until taken."""

    text: bytes = b""
    answers: list[bytes] = field(default_factory=list)
    _pieces: list[bytes] = field(default_factory=list)
    _rest: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages in `data`; the rest is kept."""
        data = _PIECE.sub(self._take_piece, self._rest + data)
        unfinished = _BEGINNING.search(data)
        data, self._rest = (data, b"") if unfinished is None else (data[: unfinished.start()], unfinished[0])
        self.text += _MESSAGE.sub(b"", data)
        return _MESSAGE.findall(data)

    def take(self) -> str:
        """Return the text, and forget it."""
        text, self.text = self.text.decode("utf-8", "replace").strip("\n"), b""
        return text

    def take_answers(self) -> list[bytes]:
        """Return the answers that are whole, and forget them."""
        answers, self.answers = self.answers, []
        return answers

    def _take_piece(self, found: re.Match[bytes]) -> bytes:
        begin, piece, end = found.groups()
        if begin == FIRST:
            self._pieces.clear()
        self._pieces.append(piece)
        if end == LAST:
            self.answers.append(b"".join(self._pieces))
            self._pieces.clear()
        return b""
