"""The ids of requests (rule A-10): which ones are valid, new ones, and how a request carries its own.

Knows ASGI scopes, no protocol. An id is taken from a proxy or made; it is then the request's `x-request-id`, whatever
the client has sent, so that the application, the access log and the figures read the same.
"""

import os
import re
import time
from collections.abc import Awaitable, Mapping
from contextvars import ContextVar

from esg_core.asgi import Application, Headers, Receive, Scope, Send

EXTENSION = "esg.request_id"
FIELD = b"x-request-id"
TRACE_FIELD = b"traceparent"

request_id: ContextVar[str | None] = ContextVar("esg_request_id", default=None)
"""The id of the request that is being served; None outside requests, or without `--request-id`."""

_VALID = re.compile(rb"[\w.~+/=:@-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def id_in(fields: Mapping[bytes, bytes]) -> str | None:
    """The id that a request has: `x-request-id`, otherwise the trace id of `traceparent` (W3C Trace Context).

    None if neither is present in a sane form.
    """
    given = fields.get(FIELD)
    if given is not None and _VALID.fullmatch(given):
        return given.decode("ascii")
    trace = fields.get(TRACE_FIELD)
    found = _TRACEPARENT.fullmatch(trace) if trace is not None else None
    return found[1].decode("ascii") if found else None


def new_id() -> str:
    """A UUID of version 7 (RFC 9562 section 5.7): the time in milliseconds, then 74 random bits."""
    random = int.from_bytes(os.urandom(10), "big")
    number = (int(time.time() * 1000) & 0xFFFF_FFFF_FFFF) << 80 | random
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def identify(scope: Scope, *, is_trusted: bool) -> str:
    """Give a request its id, and return it; the id that it has counts only if its peer `is_trusted`."""
    identity = (_given(scope["headers"]) if is_trusted else None) or new_id()
    others = [field for field in scope["headers"] if field[0] != FIELD]
    scope["headers"] = [*others, (FIELD, identity.encode("ascii"))]
    scope["extensions"][EXTENSION] = {"id": identity}
    return identity


def _given(headers: Headers) -> str | None:
    """The one valid id of a request; a repeated field is ambiguous."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in (FIELD, TRACE_FIELD):
            found[name] = b"" if name in found else value
    return id_in(found)


def with_request_id(scope: Scope | None, headers: Headers) -> Headers:
    """The fields of a response with the id of its request, unless they have one already."""
    try:
        identity = scope["extensions"][EXTENSION]["id"].encode("ascii") if scope is not None else b""
    except (AttributeError, KeyError, TypeError, ValueError):  # the application can do anything to its scope
        return headers
    if not _VALID.fullmatch(identity) or any(name.lower() == FIELD for name, _ in headers):
        return headers
    return [*headers, (FIELD, identity)]


class IdentifiedCall:
    """An application to be called once: sets the context variable first, in the task of the call."""

    __slots__ = ("_app", "_identity")

    def __init__(self, app: Application, identity: str) -> None:
        self._app = app
        self._identity = identity

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """What the application returns, to be awaited: another coroutine would cost as much again."""
        request_id.set(self._identity)
        return self._app(scope, receive, send)
