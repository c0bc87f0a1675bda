"""Takes the framing off a request body: a known length, or the chunked coding (RFC 9112 sections 6 and 7).

Sans-I/O. A body is fed bytes from the wire and returns the content and, at its end, the bytes that follow it. It holds
no content except chunks for which this turn of the loop has no room (rule H-22), and at most one unfinished line of
the chunked coding.
"""

import re
from typing import Protocol

from esg_core.errors import RequestError
from esg_core.turns import TurnBudget
from esg_http.message.grammar import FIELD_LINE, TOKEN, check_field_line

_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
_EXTENSION = rb"(?:[ \t]*+;[ \t]*+" + TOKEN + rb"++(?:[ \t]*+=[ \t]*+(?:" + TOKEN + rb"++|" + _QUOTED + rb"))?+)*+"
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15}+)(" + _EXTENSION + rb")\r\n")
_UNFINISHED_CHUNK_LINE = re.compile(rb"(?:[0-9A-Fa-f]{1,15}(?:[ \t;][\t\x20-\x7e\x80-\xff]*)?\r?)?")
_TRAILER = re.compile(FIELD_LINE)

_CRLF = b"\r\n"

CHUNK_LINE_LIMIT = 4096
"""The longest chunk line, in bytes, with its extensions."""

SIZE_LIMIT = 15
"""The most digits in the size of a chunk."""

COST = 1
"""The cost of a chunk or a trailer, in the units of `esg_core.turns`."""


class _Sizes(dict[bytes, int]):
    """Chunk line -> its size, if it has nothing but a size; 0 for all others, and for the last chunk."""

    def __missing__(self, line: bytes) -> int:
        size = int(line, 16) if _SIZE.fullmatch(line) else 0
        if len(self) < _BOUND:
            self[line] = size
        return size


_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}+")
_BOUND = 1024
_SIZES = _Sizes()

_SHORT = {b"\r\n%b\r\n" % digit: int(digit, 16) for digit in re.findall(rb".", b"123456789abcdefABCDEF")}
"""What stands before a chunk of up to 15 bytes, the end of the previous chunk included -> its size."""


class Body(Protocol):
    """A body that is being received."""

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """Take bytes from the wire; returns the content in them, and what follows the body once it is complete."""

    @property
    def remaining(self) -> int | None:
        """How many bytes are still to come; None if that is not known before the end."""

    @property
    def is_behind(self) -> bool:
        """Whether there was no room for all that came: call `feed()` with no new bytes in another turn."""


class LengthBody:
    """A body of known length (RFC 9112 section 6.2); see `esg_http.h1.body.Body`."""

    __slots__ = ("remaining",)

    remaining: int
    is_behind = False

    def __init__(self, length: int) -> None:
        self.remaining = length

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        missing = self.remaining
        if len(data) < missing:
            self.remaining = missing - len(data)
            return data, None
        self.remaining = 0
        if len(data) == missing:
            return data, b""
        return data[:missing], data[missing:]


class ChunkedBody:
    """A body in the chunked coding (RFC 9112 section 7.1); see `esg_http.h1.body.Body`.

    Extensions and trailers are checked, counted and dropped.

    `overhead` bounds the bytes of all extensions and trailers together. Raises `RequestError`: 400 for broken framing,
    431 for too much of it.
    """

    __slots__ = ("_budget", "_left", "_looked_at", "_overhead", "_rest", "_step", "is_behind")

    remaining = None

    def __init__(self, overhead: int, budget: TurnBudget) -> None:
        self._budget = budget
        self.is_behind = False
        self._overhead = overhead
        self._left = 0
        self._looked_at = 0
        self._rest = b""
        self._step = ChunkedBody._chunk_line  # a plain function: a bound one would create a reference cycle

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        if self._rest:
            data = self._rest + data
        content: list[bytes] = []
        room = self._budget.room
        most = room // COST
        at, steps = self._take(data, content, most)
        self._budget.spend(steps * COST)
        if at < 0:
            return b"".join(content), data[-at:]
        self._rest = data[at:]
        self.is_behind = steps >= most
        return b"".join(content), None

    def _take(self, data: bytes, content: list[bytes], most: int) -> tuple[int, int]:
        """Take up to `most` steps; returns where the last ended, negative at the end of the body, and their number."""
        at = steps = 0
        while steps < most:
            if self._step is ChunkedBody._chunk_line:
                at, short = self._short_chunks(data, at, content, most - steps)
                at, whole = self._whole_chunks(data, at, content, most - steps - short)
                steps += short + whole
            after = self._step(self, data, at, content)
            if after is None:
                return at, steps
            at = after
            steps += 1
            if at < 0:
                break
        return at, steps

    def _short_chunks(self, data: bytes, at: int, content: list[bytes], most: int) -> tuple[int, int]:
        """Take tiny chunks that are all there, except the last of a run: many of them are an attack."""
        look_up, take = _SHORT.get, content.append
        size = look_up(_CRLF + data[at : at + 3])
        number = 0
        while size is not None and number < most:
            end = at + 3 + size
            size = look_up(data[end : end + 5])
            if size is not None:
                take(data[at + 3 : end])
                at = end + 2
                number += 1
        return at, number

    def _whole_chunks(self, data: bytes, at: int, content: list[bytes], most: int) -> tuple[int, int]:
        """Take plain chunks that are all there; returns where they end, and their number."""
        find, sizes, take = data.find, _SIZES, content.append
        for number in range(most):
            line = find(_CRLF, at, at + SIZE_LIMIT + 2)
            size = sizes[data[at:line]] if line > 0 else 0
            begin = line + 2
            end = begin + size
            if not size or data[end : end + 2] != _CRLF:
                return at, number
            take(data[begin:end])
            at = end + 2
        return at, most

    def _chunk_line(self, data: bytes, at: int, content: list[bytes]) -> int | None:
        line = _CHUNK_LINE.match(data, at)
        if line is None:
            self._check_unfinished_line(data, at)
            return None
        if line.end() - at > CHUNK_LINE_LIMIT:
            raise RequestError(400, "a chunk line is too long", "RFC 9112 section 7.1.1")
        self._spend(len(line[2]))
        self._left = int(line[1], 16)
        self._step = ChunkedBody._chunk_data if self._left else ChunkedBody._trailer
        return line.end()

    def _chunk_data(self, data: bytes, at: int, content: list[bytes]) -> int | None:
        piece = data[at : at + self._left]
        if not piece:
            return None
        content.append(piece)
        self._left -= len(piece)
        if not self._left:
            self._step = ChunkedBody._chunk_end
        return at + len(piece)

    def _chunk_end(self, data: bytes, at: int, content: list[bytes]) -> int | None:
        end = data[at : at + 2]
        if end != b"\r\n"[: len(end)]:
            raise RequestError(400, "a chunk does not end where its size says", "RFC 9112 section 7.1")
        if len(end) < 2:
            return None
        self._step = ChunkedBody._chunk_line
        return at + 2

    def _trailer(self, data: bytes, at: int, content: list[bytes]) -> int | None:
        end = data.find(b"\r\n", at + self._looked_at)
        if end == at:
            return -(at + 2)
        if end < 0:
            self._check_unfinished_trailer(data, at)
            return None
        self._looked_at = 0
        self._spend(end - at)
        if not _TRAILER.match(data, at):
            check_field_line(data[at:end])
        return end + 2

    def _spend(self, size: int) -> None:
        self._overhead -= size
        if self._overhead < 0:
            raise RequestError(431, "too many bytes in chunk extensions and trailers", "RFC 9112 section 7.1")

    def _check_unfinished_line(self, data: bytes, at: int) -> None:
        line = data[at : at + CHUNK_LINE_LIMIT + 1]
        if len(line) > CHUNK_LINE_LIMIT:
            raise RequestError(400, "a chunk line is too long", "RFC 9112 section 7.1.1")
        if not _UNFINISHED_CHUNK_LINE.fullmatch(line):
            raise RequestError(400, "a chunk line is malformed", "RFC 9112 section 7.1")

    def _check_unfinished_trailer(self, data: bytes, at: int) -> None:
        """Check the new bytes of an unfinished trailer line; a CR at its end may still become a CRLF."""
        size = len(data) - at - data.endswith(b"\r")
        if size > self._overhead:
            raise RequestError(431, "too many bytes in chunk extensions and trailers", "RFC 9112 section 7.1")
        new = data[at + self._looked_at : at + size]
        if b"\n" in new or b"\r" in new:
            raise RequestError(400, "a trailer line ends with a bare CR or LF", "RFC 9112 section 2.2")
        self._looked_at = size
