"""Responses as values, and the bytes that they are on the wire.

Knows what every response of the admin address carries; not what was asked for, or by which client.
"""

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from esg_core.statuses import PHRASES

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
HTML = "text/html; charset=utf-8"

NOTHING_MAY_LOAD = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

WORTH_COMPRESSING = 4096
"""Bytes: a shorter body is sent as it is."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a client gets. `body` is None where it follows piece by piece, until the connection ends."""

    status: int
    body: bytes | None
    content_type: str = TEXT
    policy: str = NOTHING_MAY_LOAD
    fields: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that is not served: the status, one line that says why, and what else RFC 9110 wants with it."""

    def __init__(self, status: int, reason: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.response = Response(status, f"{reason}\n".encode(), fields=fields or {})


def text(status: int, line: str) -> Response:
    """One line of text."""
    return Response(status, f"{line}\n".encode())


def document(content: Any, status: int = 200) -> Response:
    """A document in JSON, in one line."""
    return Response(status, to_json(content) + b"\n", JSON)


def to_json(content: Any) -> bytes:
    """The content in JSON. Values that JSON cannot hold become text, infinities and NaN become null."""
    try:
        encoded = json.dumps(content, separators=(",", ":"), default=str, allow_nan=False)
    except ValueError:
        encoded = json.dumps(_finite(content), separators=(",", ":"), default=str)
    return encoded.encode()


def _finite(content: Any) -> Any:
    """The content without the numbers that JSON does not know."""
    if isinstance(content, Mapping):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def serialize(response: Response, *, with_body: bool = True, may_compress: bool = False) -> bytes:
    """The bytes of a response, compressed if the client may get that and it is worth it."""
    body = response.body
    fields = {
        "content-type": response.content_type,
        "connection": "close",
        "cache-control": "no-store",
        "content-security-policy": response.policy,
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        **response.fields,
    }
    if body is not None:
        if may_compress and len(body) > WORTH_COMPRESSING:
            body = zlib.compress(body, wbits=zlib.MAX_WBITS | 16)
            fields["content-encoding"] = "gzip"
        fields["content-length"] = str(len(body))
    lines = [f"HTTP/1.1 {response.status} {PHRASES[response.status]}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + body if with_body and body else head
