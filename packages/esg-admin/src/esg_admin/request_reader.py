"""Reads one request from the bytes of a client: the least of HTTP/1.1 that scrapers and browsers need (M-10).

Knows neither paths nor who may ask for them. What it refuses, it refuses with the status that RFC 9110 has for it.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from esg_admin.responses import Refused

LONGEST_HEAD = 8192
LONGEST_BODY = 1024

METHODS = frozenset({"GET", "HEAD", "POST"})

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_START = re.compile(rf"({_NAME}) ([!-~]++) (HTTP/\d\.\d)")
_FIELD = re.compile(rf"({_NAME}):[\t ]*+([\t -~\x80-\xff]*)")
_TARGET = re.compile(r"(?:[Hh][Tt][Tt][Pp]://([^/?]+))?(/[^?]*)?(?:\?.*)?")
_ONLY_ONCE = frozenset({"authorization", "content-length", "host", "origin"})


class Request(NamedTuple):
    """What a client asks for; names of `fields` are in lower case, and `path` has no query."""

    method: str
    path: str
    fields: Mapping[str, str]


class RequestReader:
    """Takes bytes in pieces of any size and gives the request that they make, once it is whole."""

    def __init__(self) -> None:
        self._data = b""
        self._request: Request | None = None
        self._missing = 0

    @property
    def is_untouched(self) -> bool:
        """Whether not a byte has come."""
        return not self._data

    def feed(self, data: bytes) -> Request | None:
        """The request, when its last byte has come; raises `Refused` if it is bad or too long."""
        if self._request is not None:
            self._missing -= len(data)
        else:
            self._data += data[: LONGEST_HEAD + LONGEST_BODY - len(self._data)]
            self._read_head()
        return self._request if self._missing <= 0 else None

    def _read_head(self) -> None:
        end = self._data.find(b"\r\n\r\n", 0, LONGEST_HEAD)
        head = self._data[: end if end >= 0 else LONGEST_HEAD]
        if b"\n" in head.replace(b"\r\n", b""):
            raise Refused(400, "lines must end with CRLF")
        if end >= 0:
            first, *lines = head.decode("latin-1").split("\r\n")
            self._request, length = _request(first, lines)
            self._missing = length - (len(self._data) - end - 4)
        elif len(head) == LONGEST_HEAD:
            status, what = (431, "head") if b"\r\n" in head else (414, "first line")
            raise Refused(status, f"the {what} must fit into {LONGEST_HEAD} bytes")


def _request(first: str, lines: list[str]) -> tuple[Request, int]:
    """The request of a whole head, and the length of its body."""
    start = _START.fullmatch(first)
    if start is None:
        raise Refused(400, "the first line must be METHOD PATH HTTP/1.1")
    method, target, version = start.groups()
    if not version.startswith("HTTP/1."):
        raise Refused(505, "only HTTP/1 is spoken here")
    if method not in METHODS:
        raise Refused(501, "the methods are GET, HEAD and POST")
    fields = _fields(lines)
    found = _TARGET.fullmatch(target)
    if found is None:
        raise Refused(400, "the target must be a path or an http URL")
    authority, path = found.groups()
    if authority is not None:
        fields["host"] = authority
    elif path is None:
        raise Refused(400, "the target must be a path or an http URL")
    if "host" not in fields and version != "HTTP/1.0":
        raise Refused(400, "host is missing")
    return Request(method, path or "/", fields), _length(fields)


def _fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise Refused(400, "a field must be NAME: VALUE in one line")
        name, value = field[1].lower(), field[2].rstrip("\t ")
        if name not in fields:
            fields[name] = value
        elif name in _ONLY_ONCE:
            raise Refused(400, f"{name} may come only once")
        else:
            fields[name] += f", {value}"
    return fields


def _length(fields: Mapping[str, str]) -> int:
    """How long the body is; raises `Refused` where that cannot be told, or is too much."""
    if "transfer-encoding" in fields:
        raise Refused(501, "transfer-encoding is not supported; send content-length")
    if "expect" in fields:
        raise Refused(417, "expect is not supported")
    value = fields.get("content-length", "0")
    if not (value.isascii() and value.isdigit()):
        raise Refused(400, "content-length must be a number")
    if len(value.lstrip("0")) > 4 or int(value) > LONGEST_BODY:
        raise Refused(413, f"a body must fit into {LONGEST_BODY} bytes")
    return int(value)
