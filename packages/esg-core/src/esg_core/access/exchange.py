"""One request with its response, as the access log sees it, and what is derived from that.

Knows ASGI scopes; knows neither formats nor logging.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

ScopeLike = Mapping[str, Any]
"""An ASGI scope, or part of one: `client`, `method`, `http_version` and `headers` are required."""

Line = Callable[[ScopeLike, bytes, int, int, float, bool], str]
"""Formats a line from scope, target, status, bytes of the body, seconds, and whether it was aborted; no line end."""

NO_REQUEST: ScopeLike = {"client": None, "method": "-", "http_version": "-", "headers": []}
"""The scope of a request that could not be parsed."""

NO_TARGET = b"-"

RESPONSE_FIELDS = "esg.response_fields"
"""The key under which a scope to log has the fields of the response, if the format wants them."""

_TLS_VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}


@dataclass(frozen=True)
class LineFormat:
    """A format of the access log, ready for use.

    `timed` says whether the line needs the duration, `wants_fields` whether it needs the response's fields. The default
    line can be formatted from a record's arguments; any other is the record's message. `accepted` formats the line of
    an accepted WebSocket, if that is different.
    """

    line: Line
    timed: bool
    is_default: bool = False
    wants_fields: bool = False
    accepted: Line | None = None


@dataclass
class Exchange:
    """One request and its response; `size` counts the bytes of the response's body."""

    scope: ScopeLike
    target: bytes
    status: int
    size: int
    seconds: float
    aborted: bool

    @cached_property
    def fields(self) -> dict[bytes, bytes]:
        """The request's header fields; the last one if a field is repeated."""
        return dict(self.scope["headers"])

    @cached_property
    def response_fields(self) -> dict[bytes, bytes]:
        """The response's header fields, as far as the log has been given them; the last one if a field is repeated."""
        return {name.lower(): value for name, value in self.scope.get(RESPONSE_FIELDS, ())}


def tls_version(scope: ScopeLike) -> str | None:
    """`TLSv1.3`; None without TLS."""
    tls = (scope.get("extensions") or {}).get("tls")
    return _TLS_VERSIONS.get(tls["tls_version"]) if tls else None


def repaired(scope: ScopeLike) -> ScopeLike:
    """What is usable of a scope that the application has made invalid."""
    client = None
    match scope.get("client"):
        case [str(host), int() | None as port]:
            client = (host, port)
    method, version = scope.get("method", "-"), scope.get("http_version", "-")
    return {"client": client, "method": str(method), "http_version": str(version), "headers": []}
