"""One case of the corpus: bytes from a client, and what must come of them.

A case says nothing about parsers, segments or sockets: its runner sends the bytes in any way a network may, and the
outcome must be the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

CANARY = b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
"""A request that must never be served after bytes that have been refused."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the application, as it must see the request.

    The scope must have all `headers`, and no names in `absent`. `raw_path` is `path` unless it is given.
    """

    method: str = "GET"
    path: str = "/"
    raw_path: bytes = b""
    query: bytes = b""
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    absent: tuple[bytes, ...] = ()
    http_version: str = "1.1"


@dataclass(frozen=True, slots=True)
class Case:
    """Bytes from a client and their outcome.

    `statuses` are those of the final responses, `calls` the calls of the application that get a whole request, both in
    order. `closes`: the server ends the connection, and says so; else it waits for more. `in_body`: the error, or what
    is missing, comes after a valid head: the application may be called, but must never see the end of the body.
    `unfinished`: the bytes end within a request. `eof`: the client closes its sending side after them. `options`: the
    server's.
    """

    id: str
    rule: str
    data: bytes
    statuses: tuple[int, ...]
    calls: tuple[Call, ...] = ()
    closes: bool = False
    in_body: bool = False
    unfinished: bool = False
    eof: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_refusal(self) -> bool:
        """Whether the last response is one to bytes that break a rule."""
        return bool(self.statuses) and self.statuses[-1] >= 400

    def followed_by_canary(self) -> "Case":
        """The same case, followed by a request that must not be served."""
        return replace(self, data=self.data + CANARY)


def head(request_line: bytes, *lines: bytes) -> bytes:
    """A head of these lines, each ended as it should be, and the empty line."""
    return b"\r\n".join((request_line, *lines, b"", b""))


def get(*lines: bytes, target: bytes = b"/") -> bytes:
    """A whole GET with a Host and these further lines."""
    return head(b"GET %b HTTP/1.1" % target, b"Host: t", *lines)


def post(*lines: bytes, body: bytes = b"") -> bytes:
    """A POST with a Host, these further lines, and `body`."""
    return head(b"POST / HTTP/1.1", b"Host: t", *lines) + body


def chunked(body: bytes, *lines: bytes) -> bytes:
    """A POST in the chunked coding, with this framing."""
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


def served(name: str, rule: str, data: bytes, *calls: Call, closes: bool = False, **more: Any) -> Case:
    """Valid: every request is answered with 200, and the application sees it as described."""
    return Case(name, rule, data, (200,) * len(calls), calls, closes=closes, **more)


def refused(name: str, rule: str, data: bytes, status: int = 400, *before: Call, **more: Any) -> Case:
    """Refused with `status` and closed, after the requests `before` it have been answered."""
    return Case(name, rule, data, (200,) * len(before) + (status,), before, closes=True, **more)


def waits(name: str, rule: str, data: bytes, *before: Call, **more: Any) -> Case:
    """Incomplete: the server answers the requests `before` it and waits for the rest."""
    return Case(name, rule, data, (200,) * len(before), before, unfinished=True, **more)


def all_refused(group: str, rule: str, table: Mapping[str, bytes], status: int = 400, **more: Any) -> Iterable[Case]:
    """A table of cases that break the same rule in different ways."""
    for name, data in table.items():
        yield refused(f"{group}/{name}", rule, data, status, **more)
