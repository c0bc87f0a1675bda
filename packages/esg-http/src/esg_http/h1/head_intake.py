"""Collects a request head that arrives in pieces, and refuses what cannot become one (rules H-11, H-20).

Sans-I/O. The usual head arrives whole and never gets here. A head that trickles in, is too large or is malformed does:
each byte is looked at once, each line is checked when it is complete, and the limits hold even before that.
"""

from esg_core.errors import RequestError
from esg_http.message.grammar import (
    LONGEST_METHOD,
    check_field_line,
    check_method,
    check_request_line,
    check_unfinished,
)
from esg_http.message.head_limits import HeadLimits

EMPTY_LINES = 2
"""How many empty lines before a request are skipped (RFC 9112 section 2.2)."""

H2_LINE = b"PRI * HTTP/2.0\r\n"
"""The first line of cleartext HTTP/2; no HTTP/1.1 request begins like this."""


class HeadReader:
    """The bytes of one unfinished head.

    `feed()` returns the whole head and what followed it once the head is complete, else None. It raises `RequestError`:
    400 for a malformed head, 414, 431 and 501 for one that is too large, 505 for another version.
    """

    __slots__ = ("_buffer", "_fields", "_fields_at", "_limits", "_line_at", "_searched", "_skipped")

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._line_at = 0
        self._searched = 0
        self._fields = 0
        self._fields_at = 0
        self._skipped = 0

    @property
    def started(self) -> bool:
        """Whether a byte of the request has come, not counting empty lines before it."""
        return len(self._buffer) > 0

    @property
    def taken(self) -> bytes:
        """The bytes collected so far."""
        return bytes(self._buffer)

    def is_preface(self, data: bytes) -> bool:
        """Whether, with `data`, this is the preface of HTTP/2 (RFC 9113 section 3.4)."""
        return len(self._buffer) < len(H2_LINE) and (self.taken + data[: len(H2_LINE)]).startswith(H2_LINE)

    def feed(self, data: bytes) -> bytes | None:
        """Take the next bytes from the wire."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n", self._searched)) >= 0:
            if end == self._line_at:
                if self._fields_at:
                    return bytes(self._buffer)
                self._skip_empty_line()
                continue
            self._take_line(bytes(self._buffer[self._line_at : end]))
            self._line_at = self._searched = end + 2
            self._fields_at = self._fields_at or self._line_at
        self._searched = max(self._line_at, len(self._buffer) - 1)
        self._check_tail(data)
        return None

    def _skip_empty_line(self) -> None:
        self._skipped += 1
        if self._skipped > EMPTY_LINES:
            raise RequestError(400, "too many empty lines before the request", "RFC 9112 section 2.2")
        del self._buffer[:2]

    def _take_line(self, line: bytes) -> None:
        self._check_size(len(line))
        if not self._fields_at:
            check_request_line(line)
            return
        self._fields += 1
        if self._fields > self._limits.fields:
            raise RequestError(431, "too many header fields", "RFC 6585 section 5")
        check_field_line(line)

    def _check_tail(self, data: bytes) -> None:
        """Check the unfinished line, looking only at its new bytes and at what they continue."""
        unfinished = len(self._buffer) - self._line_at - self._buffer.endswith(b"\r")
        if unfinished > 0:
            self._check_size(unfinished)
        new = max(self._line_at, len(self._buffer) - len(data) - 1)
        tail = bytes(self._buffer[new:])
        if new == self._line_at or b"\r" in tail or b"\n" in tail or len(self._buffer) - self._line_at < 256:
            check_unfinished(bytes(self._buffer[self._line_at :]), not self._fields_at)

    def _check_size(self, line: int) -> None:
        """Apply the limits to a line of `line` bytes without its CRLF, after the lines before it."""
        if self._fields_at:
            self._limits.check(0, self._line_at - self._fields_at + line + 2)
        else:
            longest = self._line_at + LONGEST_METHOD
            end = self._buffer.find(b" ", self._line_at, longest + 1)
            if end < 0 and line > LONGEST_METHOD:  # what is malformed is refused as such, in whatever pieces it comes
                check_unfinished(bytes(self._buffer[self._line_at : longest]), is_request_line=True)
            check_method(line if end < 0 else end - self._line_at)
            self._limits.check(line, 0)
