"""The bytes of HTTP/1.1 responses: heads and chunks (RFC 9112).

Pure except for the `date`, which is written again once a second while there are responses. Knows nothing of ASGI
messages or connections. The bytes do not depend on the parser that read the request (rule H-1): names in lower case,
`server` and `date` first, framing last.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from esg_core.errors import ApplicationError
from esg_core.statuses import PHRASES
from esg_http.message.field_names import is_name

NO_LENGTH = -1
"""The application gave no content-length."""

SAYS_CLOSE, SAYS_SERVER, SAYS_DATE, SAYS_CHUNKED = 1, 2, 4, 8
"""What a block of fields says besides its content-length."""

FieldBlock = tuple[bytes, int, int]
"""Encoded field lines, their content-length or `NO_LENGTH`, and what else they say."""

_PHRASES = {status: phrase.encode() for status, phrase in PHRASES.items()}

LAST_CHUNK = b"0\r\n\r\n"

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Bytes that no field value may have, besides CR and LF, which each line ends with (RFC 9110 section 5.5)."""

_LENGTH_PREFIX = b"content-length: "
_HOP_BY_HOP = {b"connection", b"transfer-encoding", b"keep-alive", b"server", b"date"}
_BOUND = 1024

LONGEST_REMEMBERED = 512
"""The longest encoded block of fields, in bytes, that is worth remembering."""


def status_line(status: int) -> bytes:
    """`HTTP/1.1 200 OK` with its CRLF."""
    return b"HTTP/1.1 %d %b\r\n" % (status, _PHRASES.get(status, b""))


class HeadPrefix:
    """Status line, `server`, `date` and configured default fields: the same for all responses of one second.

    `server` says whether to send that field; `date` writes a time as an HTTP date, None sends no date. `extra` are
    further default fields, names in lower case; a `server` or `date` among them replaces ESG's own. `now` gives the
    time in seconds since the epoch; `call_later` is that of the loop.

    `made` holds the prefixes of the current second by status: looking there first saves the call of `get()`.
    """

    __slots__ = ("_call_later", "_date", "_extra", "_now", "_own_date", "_server", "made")

    def __init__(
        self,
        server: bool,
        date: Callable[[float], bytes] | None,
        extra: Iterable[tuple[bytes, bytes]],
        now: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        lines = {name: b"%b: %b\r\n" % (name, value) for name, value in extra if name in (b"server", b"date")}
        self._server = lines.get(b"server", b"server: esg\r\n" if server else b"")
        self._own_date = lines.get(b"date")
        self._date = date
        self._extra = b"".join(b"%b: %b\r\n" % field for field in extra if field[0] not in lines)
        self._now = now
        self._call_later = call_later
        self.made: dict[int, bytes] = {}

    def get(self, status: int) -> bytes:
        """The bytes before the application's fields."""
        prefix = self.made.get(status)
        if prefix is None:
            if self._date is not None and not self.made:
                self._call_later(1.0 - self._now() % 1.0, self.made.clear)
            prefix = self.made[status] = self.without(status, 0)
        return prefix

    def without(self, status: int, says: int) -> bytes:
        """The same without the fields that the application sends itself (rule H-1: never two)."""
        server = b"" if says & SAYS_SERVER else self._server
        date = b"" if says & SAYS_DATE else self._date_line()
        return b"".join((status_line(status), server, date, self._extra))

    def drop(self, line: bytes) -> None:
        """Leave out a line of the further fields from now on."""
        self._extra = self._extra.replace(line, b"")
        self.made.clear()

    def _date_line(self) -> bytes:
        if self._own_date is not None:
            return self._own_date
        return b"date: %b\r\n" % self._date(self._now()) if self._date is not None else b""


class _Prefixes(dict[bytes, bytes]):
    """Field name -> `name: `, empty for fields that `_note()` decides about."""

    def __missing__(self, name: bytes) -> bytes:
        if type(name) is not bytes:
            raise ApplicationError(f"a header name must be bytes, not {type(name).__name__} (ASGI: headers)")
        if not is_name(name):
            raise ApplicationError(f"{name!r} is not a header name: it must be a token (RFC 9110 section 5.1)")
        lower = name.lower()
        prefix = _LENGTH_PREFIX if lower == b"content-length" else lower + b": "
        if lower in _HOP_BY_HOP:
            return b""
        if len(self) < _BOUND:
            self[name] = prefix
        return prefix


_prefixes = _Prefixes()


def encode_fields(headers: Sequence[tuple[bytes, bytes]]) -> FieldBlock:
    """Encode an application's header fields, and find out what they say about the framing.

    Raises `ApplicationError` for wrong types, names that are not tokens, a control byte in a value, and two lengths. Of
    `connection` only `close` counts (the server decides about the connection), and `transfer-encoding` is dropped (the
    server does the chunking, rule H-3).
    """
    lines = []
    length = NO_LENGTH
    says = 0
    try:
        for name, value in headers:
            prefix = _prefixes[name]
            if prefix is _LENGTH_PREFIX:
                length = _declared_length(value, length)
            elif not prefix:
                prefix, said = _note(name.lower(), value)
                says |= said
                if not prefix:
                    continue
            lines.append(prefix + value)
    except (TypeError, ValueError) as error:
        raise ApplicationError(f"headers must be pairs of bytes (ASGI: headers): {error}") from None
    lines.append(b"")
    block = b"\r\n".join(lines)
    breaks = len(lines) - 1
    if block.count(b"\n") != breaks or block.count(b"\r") != breaks or _CONTROL.search(block):
        raise ApplicationError("a header value contains a control byte (RFC 9110 section 5.5)")
    return block, length, says


def _declared_length(value: bytes, before: int) -> int:
    if not value.isdigit() or len(value) > 18:
        raise ApplicationError(f"content-length must be a number, not {value!r} (RFC 9110 section 8.6)")
    if before != NO_LENGTH:
        raise ApplicationError("content-length is sent twice (RFC 9110 section 8.6)")
    return int(value)


def _note(name: bytes, value: bytes) -> tuple[bytes, int]:
    """The prefix of a field that is the server's business, empty if it is not sent, and what the field says."""
    if name == b"server":
        return b"server: ", SAYS_SERVER
    if name == b"date":
        return b"date: ", SAYS_DATE
    if name == b"transfer-encoding":
        return b"", SAYS_CHUNKED
    if name == b"connection" and b"close" in [option.strip(b" \t").lower() for option in value.split(b",")]:
        return b"", SAYS_CLOSE
    return b"", 0


_blocks: dict[tuple[tuple[bytes, bytes], ...], FieldBlock] = {}


def _remember_fields(headers: Sequence[tuple[bytes, bytes]]) -> FieldBlock:
    encoded = encode_fields(headers)
    if len(encoded[0]) <= LONGEST_REMEMBERED:
        if len(_blocks) >= _BOUND:
            _blocks.clear()
        _blocks[tuple(headers)] = encoded
    return encoded


def prepare_fields(status: int, headers: Sequence[tuple[bytes, bytes]]) -> FieldBlock:
    """See `Stream.prepare`; drops the application's content-length where there must be none (rule H-3).

    Applications send few different sets of fields, so small ones are remembered.
    """
    try:
        prepared = _blocks.get(tuple(headers)) or _remember_fields(headers)
    except TypeError:  # a list is among them: what can change is not remembered
        prepared = encode_fields(headers)
    if status == 204 or prepared[2] & SAYS_CHUNKED:
        return encode_fields([field for field in headers if field[0].lower() != b"content-length"])
    return prepared


def encode_chunk(body: bytes, end: bool) -> bytes:
    """One chunk of the chunked coding, and the last chunk if `end` is set (RFC 9112 section 7.1)."""
    if not body:
        return LAST_CHUNK if end else b""
    return b"%x\r\n%b\r\n%b" % (len(body), body, LAST_CHUNK if end else b"")
