"""What a valid request is, with any parser (rules H-11, H-12).

Pure functions over bytes; knows nothing of sockets, ASGI or responses. Parsers disagree about exactly the inputs that
matter for security (RFC 9112 section 11), so ESG decides about them here, before and after the parser:

* before: two regular expressions are the whole grammar of a head. What matches has no bare CR or LF, no folded line, no
  space before a colon, no control byte, no invalid name. Possessive quantifiers keep them linear on any input.
* after: what the fields mean together, which is host, body framing and the form of the target.

Every refusal is a `RequestError` with the status to answer and the section it is based on.
"""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

from esg_core.asgi import Headers
from esg_core.errors import RequestError
from esg_core.header_fields import TOKEN as TOKEN_PATTERN

TOKEN = TOKEN_PATTERN.encode()
"""One character of a token (RFC 9110 section 5.6.2)."""

FIELD_LINE = TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n"
"""One field line (RFC 9112 section 5), as strict as the grammar allows."""

TARGET = rb"[\x21\x22\x24-\x5b\x5d-\x7e]"
"""One byte of a request target: visible ASCII, but no fragment (RFC 9112 section 3.2), and no backslash.

No URI has a backslash (RFC 3986 section 2), browsers take it for a slash, and others differ.
"""

LONGEST_METHOD = 64
"""Bytes: more than twice the longest registered method."""

START = re.compile(rb"(" + TOKEN + rb"++) (" + TARGET + rb"++)")
"""The start of a request head: groups method and target (RFC 9112 section 3)."""

REST = re.compile(rb"(1\.[0-9])\r\n((?:" + FIELD_LINE + rb")*+)\r\n")
"""The rest, after ` HTTP/`: groups version and field lines (RFC 9112 sections 2.3 and 5).

A future minor version is served as the highest known one (RFC 9110 section 2.5).
"""

CHUNKED = -1
"""Stands for the length of a body in the chunked coding."""

_VERSION = re.compile(rb"HTTP/([0-9])\.[0-9]")
_METHOD = re.compile(TOKEN + rb"+")
_TARGET = re.compile(TARGET + rb"+")
_LINE = re.compile(FIELD_LINE)
_UNFINISHED_LINE = re.compile(rb"(?:" + TOKEN + rb"+(?: (?:" + TARGET + rb"+(?: [HTP/0-9.]*)?)?)?)?\r?")
_UNFINISHED_NAME = re.compile(TOKEN + rb"*\r?")
_REG_NAME = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+")
_ABSOLUTE = re.compile(rb"(?i)https?://([^/?]*)")
_LENGTH_LINE = re.compile(rb"(?i)\r\ncontent-length:([^\r]*+)")
_CODING_LINE = re.compile(rb"(?i)\r\ntransfer-encoding:([^\r]*+)")
_DIGITS = re.compile(rb"[0-9]{1,18}")


def check_request_line(line: bytes) -> None:
    """Raise `RequestError` for a complete request line (without its CRLF) that is malformed.

    505 for a major version other than 1, 501 for a method that is too long, 400 for everything else.
    """
    if b"\n" in line or b"\r" in line:
        raise RequestError(400, "a line ends with a bare CR or LF", "RFC 9112 section 2.2")
    method, _, rest = line.partition(b" ")
    target, _, version = rest.rpartition(b" ")
    if not _METHOD.fullmatch(method):
        raise RequestError(400, "the method is not a token", "RFC 9112 section 3.1")
    check_method(len(method))
    matched = _VERSION.fullmatch(version)
    if matched is None:
        raise RequestError(400, "the request line does not end with an HTTP version", "RFC 9112 section 3")
    if not _TARGET.fullmatch(target):
        raise RequestError(400, "the request target has a byte that does not belong there", "RFC 9112 section 3.2")
    if matched[1] != b"1":
        raise RequestError(505, "the HTTP version is not 1.x", "RFC 9110 section 2.5")
    if target.startswith(b"HTTP/"):  # no form of a target, and it could be taken for the version
        raise RequestError(400, "the request target has no form that HTTP knows", "RFC 9112 section 3.2")


def check_method(size: int) -> None:
    """Refuse a method of `size` bytes that is too long; raises `RequestError` 501."""
    if size > LONGEST_METHOD:
        raise RequestError(501, "the method is longer than any that is known", "RFC 9112 section 3")


def check_field_line(line: bytes) -> None:
    """Raise `RequestError` 400 for a complete field line (without its CRLF) that is malformed."""
    if _LINE.fullmatch(line + b"\r\n"):
        return
    if line[:1] in (b" ", b"\t"):
        raise RequestError(400, "a header line is folded", "RFC 9112 section 5.2")
    name, colon, value = line.partition(b":")
    if not colon:
        raise RequestError(400, "a header line has no colon", "RFC 9112 section 5")
    if name.rstrip(b" \t") != name:
        raise RequestError(400, "there is white space between a header name and its colon", "RFC 9112 section 5.1")
    if not _METHOD.fullmatch(name):
        raise RequestError(400, "a header name is not a token", "RFC 9110 section 5.1")
    if b"\n" in value or b"\r" in value:
        raise RequestError(400, "a line ends with a bare CR or LF", "RFC 9112 section 2.2")
    raise RequestError(400, "a header value has a control byte", "RFC 9110 section 5.5")


def check_unfinished(line: bytes, is_request_line: bool) -> None:
    """Refuse an unfinished line that no further byte could make valid; raises `RequestError` 400.

    So a client that speaks another protocol (TLS on a cleartext port) is answered at once, not after the deadline.
    """
    pattern = _UNFINISHED_LINE if is_request_line else _UNFINISHED_NAME
    if pattern.fullmatch(line):
        return
    if is_request_line and line[:1] == b"\x16":
        raise RequestError(400, "this looks like TLS, on a port without TLS", "RFC 9112 section 3")
    if b"\n" in line or b"\r" in line[:-1]:
        raise RequestError(400, "a line ends with a bare CR or LF", "RFC 9112 section 2.2")
    if is_request_line:
        raise RequestError(400, "the request line is malformed", "RFC 9112 section 3")
    check_field_line(line.removesuffix(b"\r"))


@lru_cache(maxsize=256)
def is_host(value: bytes) -> bool:
    """Whether `value` is a valid Host: a name, an IPv4 or a bracketed IPv6 address, with an optional port.

    The empty value is not: RFC 9112 section 3.2 allows it only where the target has no authority.
    """
    if value[:1] == b"[":
        address, bracket, port = value[1:].partition(b"]")
        try:
            IPv6Address(address.decode("ascii"))
        except (AddressValueError, UnicodeDecodeError):
            return False
        if not bracket or b"%" in address or (port and port[:1] != b":"):
            return False
        port = port[1:]
    else:
        name, _, port = value.partition(b":")
        if not _REG_NAME.fullmatch(name):
            return False
    return not port or (len(port) <= 5 and port.isdigit() and int(port) <= 65535)


def content_length(value: bytes) -> int:
    """The number in a Content-Length (RFC 9110 section 8.6); raises `RequestError` 400 if it is not a number."""
    if not _DIGITS.fullmatch(value):
        raise RequestError(400, "content-length is not a number", "RFC 9112 section 6.3")
    return int(value)


def body_length(block: bytes, old: bool) -> int:
    """How the body of a request with these field lines is framed: bytes, 0 for none, `CHUNKED` for the chunked coding.

    Follows RFC 9112 section 6.3, without the tolerance that smuggling needs: a message with both fields, with a
    repeated length, or with a coding that ESG cannot decode is refused (400, or 501 for an unknown coding). Reads the
    lines themselves, because parsers merge repeated lengths. `old` means HTTP/1.0.
    """
    lengths = _LENGTH_LINE.findall(block)
    codings = _CODING_LINE.findall(block)
    if codings and lengths:
        raise RequestError(400, "both content-length and transfer-encoding", "RFC 9112 section 6.1")
    if codings:
        return _coded_length(b",".join(codings), old)
    if len(lengths) > 1:
        raise RequestError(400, "content-length is repeated", "RFC 9110 section 8.6")
    return content_length(lengths[0].strip(b" \t")) if lengths else 0


def _coded_length(codings: bytes, old: bool) -> int:
    if old:
        raise RequestError(400, "transfer-encoding in HTTP/1.0", "RFC 9112 section 6.1")
    names = [name.strip(b" \t").lower() for name in codings.split(b",")]
    if names == [b"chunked"]:
        return CHUNKED
    if names[-1] != b"chunked" or names.count(b"chunked") > 1 or not all(_METHOD.fullmatch(name) for name in names):
        raise RequestError(400, "transfer-encoding does not end with one chunked", "RFC 9112 section 6.3")
    raise RequestError(501, "transfer-encoding has a coding other than chunked", "RFC 9112 section 6.1")


def check_repeats(headers: Headers) -> None:
    """Refuse a second Host (RFC 9112 section 3.2); called when any field name occurs twice."""
    if sum(name == b"host" for name, _ in headers) > 1:
        raise RequestError(400, "host is repeated", "RFC 9112 section 3.2")


def split_target(method: str, target: bytes) -> tuple[bytes | None, bytes]:
    """The authority, and the path with its query, of a target that is not in origin form.

    The authority is None if the target has none. Raises `RequestError`: 501 for CONNECT, 400 for a form that is
    malformed or does not fit the method (RFC 9112 section 3.2).
    """
    if method == "CONNECT":
        raise RequestError(501, "CONNECT is not served", "RFC 9110 section 9.3.6")
    if target == b"*" and method == "OPTIONS":
        return None, target
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        raise RequestError(400, "the request target has no form that HTTP knows", "RFC 9112 section 3.2")
    authority = absolute[1]
    if not is_host(authority):
        raise RequestError(400, "the authority of the request target is malformed", "RFC 9112 section 3.2.2")
    rest = target[absolute.end() :]
    return authority, rest if rest[:1] == b"/" else b"/" + rest


def without_default_port(authority: bytes, scheme: bytes) -> bytes:
    """An authority in a form that can be compared: lower case, without the default port."""
    default = b":443" if scheme.lower() == b"https" else b":80"
    return authority.lower().removesuffix(default).removesuffix(b":")
