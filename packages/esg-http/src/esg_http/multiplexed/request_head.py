"""What the header section of a request means, and what makes it malformed (RFC 9113 section 8, RFC 9114 section 4).

Sans-I/O. A malformed request is refused with its stream before anything else looks at it: a program behind this server
that turns it into HTTP/1.1 must not be able to read another request in it. Knows fields, not how they were compressed.
"""

import re

from esg_core.asgi import Headers
from esg_core.errors import ESGError, RequestError
from esg_core.proxy.headers import NAMES as FORWARDED
from esg_http.message.grammar import TARGET, TOKEN, check_method, content_length, is_host, without_default_port
from esg_http.multiplexed.priority import UNSTATED, Priority, read_priority

UNKNOWN_LENGTH = -1
"""No content-length: only the end of the stream marks the end of the body."""

CONNECTION_FIELDS = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
"""Fields that only HTTP/1.1 has (RFC 9113 section 8.2.2, RFC 9114 section 4.2)."""

_PSEUDO = frozenset((b":method", b":scheme", b":path", b":authority", b":protocol"))
_RARE = CONNECTION_FIELDS | {b"content-length", b"te", b"expect", b"host", b"cookie", b"priority"}
_ONCE = frozenset((b"content-length", b"host"))

_METHOD = re.compile(TOKEN + rb"++")
_PATH = re.compile(rb"/" + TARGET + rb"*+")
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+\-.]*+")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]++")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|[ \t]\n|\n[ \t]")
"""Searched in all values at once, with line feeds before, between and after them."""

_BOUND = 1024

_LONGEST = 64
"""Bytes; a longer name is not remembered."""


MESSAGE, SEQUENCE, FIELDS, CONNECTION, PSEUDO, REQUEST, CONNECT = range(7)
"""What a malformed request violates: each version names the section of its own document."""


class Malformed(ESGError):
    """A request that must not be passed on; `about` says which rule it breaks."""

    def __init__(self, reason: str, about: int = MESSAGE) -> None:
        super().__init__(f"malformed request: {reason}")
        self.about = about


class _GoodNames(dict[bytes, bool]):
    """Names that are known to be tokens in lower case."""

    def __missing__(self, name: bytes) -> bool:
        good = _NAME.fullmatch(name) is not None
        if good and len(name) <= _LONGEST and len(self) < _BOUND:
            self[name] = good
        return good


_GOOD_NAMES = _GoodNames()


def check_fields(fields: Headers) -> None:
    """Refuse names and values that no field may have (RFC 9113 section 8.2.1, RFC 9114 section 4.2)."""
    for name, _ in fields:
        if not _GOOD_NAMES[name]:
            raise Malformed(_what_is_wrong_with(name), FIELDS)
    values = b"\n".join([b"", *[value for _, value in fields], b""])
    if values.count(b"\n") != len(fields) + 1 or _BAD_VALUE.search(values):
        raise Malformed("a value has a control byte, or white space around it", FIELDS)


def check_trailers(fields: Headers) -> None:
    """Refuse trailers that no message may have (RFC 9113 sections 8.1, 8.2 and 8.3)."""
    check_fields(fields)
    _check_connection(fields, dict(fields))


def _check_connection(headers: Headers, named: dict[bytes, bytes]) -> None:
    """Refuse fields about the connection, which has frames for that (RFC 9113 section 8.2.2)."""
    if not CONNECTION_FIELDS.isdisjoint(named):
        raise Malformed("a connection-specific field", CONNECTION)
    if b"te" in named and any(name == b"te" and value.lower() != b"trailers" for name, value in headers):
        raise Malformed("te is more than trailers", CONNECTION)


def _what_is_wrong_with(name: bytes) -> str:
    if name.startswith(b":"):
        return "a pseudo-header field out of place"
    return "a name in upper case" if _NAME.fullmatch(name.lower()) else "a field name is not a token"


class RequestHead:
    """A whole and well-formed header section.

    `target` is path and query, `headers` what ASGI gets: host first, cookies in one field, no pseudo-header fields.
    `length` is the body's, or `UNKNOWN_LENGTH`. `protocol` is what extended CONNECT asks for (RFC 8441), else
    empty. Raises `Malformed` for a request that is not, `RequestError` for one that is well-formed and not served.
    """

    __slots__ = (
        "expects_continue",
        "headers",
        "is_forwarded",
        "is_special",
        "length",
        "method",
        "priority",
        "protocol",
        "target",
        "wants_trailers",
    )

    def __init__(self, fields: Headers) -> None:
        pseudo, headers = _split(fields)
        check_fields(headers)
        self.protocol = b""
        self.length = UNKNOWN_LENGTH
        self.wants_trailers = self.expects_continue = False
        self.priority: Priority = UNSTATED
        named = dict(headers)
        if len(named) != len(headers):
            _check_repeats(headers)
        self._read_pseudo(pseudo)
        self.headers = _with_host(headers, pseudo, named.get(b"host"))
        if not _RARE.isdisjoint(named):
            self._read_rare(named)
        self.is_forwarded = not FORWARDED.isdisjoint(named)
        self.is_special = self.wants_trailers or self.is_forwarded or bool(self.protocol)

    def check_line(self, most: int) -> None:
        """Raise `RequestError` if method and target together are longer than `most` bytes."""
        if len(self.method) + len(self.target) > most:
            raise RequestError(414, "the request target is too long", "RFC 9110 section 15.5.15")

    def _read_pseudo(self, pseudo: dict[bytes, bytes]) -> None:
        method = pseudo.get(b":method", b"")
        if not _METHOD.fullmatch(method):
            raise Malformed("the method is missing or not a token", REQUEST)
        check_method(len(method))
        self.method = method.decode("ascii")
        if b":protocol" in pseudo:
            if method != b"CONNECT":
                raise Malformed(":protocol without CONNECT", REQUEST)
            self.protocol = pseudo[b":protocol"]
        elif method == b"CONNECT":
            if b":scheme" in pseudo or b":path" in pseudo or b":authority" not in pseudo:
                raise Malformed("CONNECT takes an authority and nothing else", CONNECT)
            raise RequestError(501, "CONNECT is not served", "RFC 9110 section 9.3.6")
        if not _SCHEME.fullmatch(pseudo.get(b":scheme", b"")):
            raise Malformed("the scheme is missing or malformed", REQUEST)
        self.target = path = pseudo.get(b":path", b"")
        if not _PATH.fullmatch(path) and not (path == b"*" and method == b"OPTIONS"):
            raise Malformed("the path is missing or malformed", REQUEST)

    def _read_rare(self, named: dict[bytes, bytes]) -> None:
        _check_connection(self.headers, named)
        self.wants_trailers = b"te" in named
        if b"content-length" in named:
            if self.protocol:
                raise Malformed("content-length with :protocol", CONNECT)
            self.length = _content_length(named[b"content-length"])
        if b"cookie" in named:
            self.headers = _with_one_cookie(self.headers)
        self.expects_continue = named.get(b"expect", b"").lower() == b"100-continue"
        if b"priority" in named:
            self.priority = read_priority(named[b"priority"])


def _split(fields: Headers) -> tuple[dict[bytes, bytes], Headers]:
    """Pseudo-header fields, which come first and once each (RFC 9113 section 8.3), and the others."""
    pseudo: dict[bytes, bytes] = {}
    for name, value in fields:
        if name not in _PSEUDO:
            break
        pseudo[name] = value
    headers = fields[len(pseudo) :]
    if headers and headers[0][0][:1] == b":":
        raise Malformed("a pseudo-header field that is unknown or repeated", PSEUDO)
    return pseudo, headers


def _check_repeats(headers: Headers) -> None:
    names = [name for name, _ in headers]
    for name in _ONCE:
        if names.count(name) > 1:
            raise Malformed(f"{name.decode()} is repeated", REQUEST)


def _with_host(headers: Headers, pseudo: dict[bytes, bytes], host: bytes | None) -> Headers:
    """The headers with the authority as their host, as ASGI wants it: first, and only once."""
    name = pseudo.get(b":authority", host)
    if name is None or not is_host(name):
        raise Malformed("the authority is missing or malformed", REQUEST)
    if host is None:
        return [(b"host", name), *headers]
    scheme = pseudo[b":scheme"]
    if without_default_port(host, scheme) != without_default_port(name, scheme):
        raise Malformed("host contradicts :authority", REQUEST)
    return [(b"host", name), *[field for field in headers if field[0] != b"host"]]


def _content_length(value: bytes) -> int:
    try:
        return content_length(value)
    except RequestError as error:
        raise Malformed(str(error)) from None


def _with_one_cookie(headers: Headers) -> Headers:
    """Join the crumbs that a client may cut its cookies into (RFC 9113 section 8.2.3)."""
    crumbs = [value for name, value in headers if name == b"cookie"]
    if len(crumbs) == 1:
        return headers
    others = [field for field in headers if field[0] != b"cookie"]
    return [*others, (b"cookie", b"; ".join(crumbs))]
