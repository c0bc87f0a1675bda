"""What the header fields of a request mean: host, framing, persistence, expectations.

Sans-I/O, and independent of the request line, except for the version. Clients send the same block of fields again and
again, so a connection keeps the meaning of the last one and compares bytes instead of reading them twice.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from esg_core.asgi import Headers
from esg_core.errors import RequestError
from esg_core.proxy.headers import NAMES as FORWARDED
from esg_http.call.target import Target, read_target
from esg_http.message.grammar import START, body_length, check_method, check_repeats, is_host

if TYPE_CHECKING:
    from esg_core.figures.outcomes import Row

LONGEST_REMEMBERED = 256
"""The longest start of a request, in bytes, that is worth remembering."""

SLASH = 47

_RARE = frozenset((b"connection", b"content-length", b"transfer-encoding", b"te", b"expect"))

_NONE: frozenset[bytes] = frozenset()


@lru_cache(maxsize=64)
def _options(field: bytes) -> frozenset[bytes]:
    """The members of a comma-separated field such as Connection or TE, in lower case, parameters dropped."""
    return frozenset(option.partition(b";")[0].strip(b" \t").lower() for option in field.split(b","))


@dataclass(slots=True)
class RequestStart:
    """Method and target of a request; `parts` is None if the target is not a path, or the method is CONNECT.

    `row` is where such requests are counted, None if they are not.
    """

    method: str
    target: bytes
    parts: Target | None
    row: "Row | None" = None


def read_start(start: bytes) -> RequestStart | None:
    """Read the start of a request, up to the space before its version; None if it is malformed.

    Raises `RequestError` 501 for a method that is too long.
    """
    match = START.fullmatch(start)
    if match is None:
        return None
    method, target = match.groups()
    check_method(len(method))
    is_path = target[0] == SLASH and method != b"CONNECT"
    return RequestStart(method.decode("ascii"), target, read_target(target) if is_path else None)


class RequestFields:
    """The fields of one request head, and what they mean.

    `block` holds the bytes they were read from: from the version, such as `1.1`, up to and including the empty line.
    `length` is that of the body, or `grammar.CHUNKED`; `upgrades` are the protocols that the client would prefer.
    Raises `RequestError` for fields that contradict each other or HTTP.
    """

    __slots__ = (
        "block",
        "closes",
        "expects_continue",
        "headers",
        "host",
        "is_forwarded",
        "is_special",
        "length",
        "old",
        "says_keep_alive",
        "upgrades",
        "wants_trailers",
    )

    def __init__(self, block: bytes, old: bool, headers: Headers) -> None:
        fields = dict(headers)
        if len(fields) != len(headers):
            check_repeats(headers)
        self.block = block
        self.old = old
        self.headers = headers
        self.host = fields.get(b"host")
        self._check_host()
        self.length = 0
        self.closes = old
        self.says_keep_alive = self.wants_trailers = self.expects_continue = False
        self.upgrades = _NONE
        self.is_forwarded = not FORWARDED.isdisjoint(fields)
        if not _RARE.isdisjoint(fields):
            self._read_rare(fields)
        self.is_special = old or self.wants_trailers or self.is_forwarded or bool(self.upgrades)

    def _check_host(self) -> None:
        if self.host is None:
            if not self.old:
                raise RequestError(400, "host is missing", "RFC 9112 section 3.2")
        elif self.host and not is_host(self.host):
            raise RequestError(400, "host is malformed", "RFC 9112 section 3.2")

    def _read_rare(self, fields: dict[bytes, bytes]) -> None:
        if b"content-length" in fields or b"transfer-encoding" in fields:
            self.length = body_length(self.block, self.old)
        if b"connection" in fields:
            options = _options(self._joined(b"connection"))
            self.closes = self.closes or b"close" in options
            self.says_keep_alive = not self.closes and b"keep-alive" in options
            if b"upgrade" in options and not self.old:
                self.upgrades = _options(self._joined(b"upgrade")) - {b""}
        if not self.old:
            self.wants_trailers = b"te" in fields and b"trailers" in _options(self._joined(b"te"))
            self.expects_continue = fields.get(b"expect", b"").lower() == b"100-continue"

    def with_host(self, host: bytes) -> Headers:
        """The fields with `host` in place of the client's Host (RFC 9112 section 3.2.2)."""
        if self.host is None:
            return [(b"host", host), *self.headers]
        return [(name, host if name == b"host" else value) for name, value in self.headers]

    def _joined(self, wanted: bytes) -> bytes:
        return b",".join([value for name, value in self.headers if name == wanted])


NO_FIELDS = RequestFields(b"", False, [(b"host", b"unknown")])
"""The fields of a request that could not be read."""
