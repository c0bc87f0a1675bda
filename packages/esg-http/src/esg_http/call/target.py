"""Builds the ASGI scope of a request (rule H-15, ASGI HTTP 2.5).

Pure. Shared by all HTTP versions and by the WebSocket handshake.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from esg_core.asgi import Headers

if TYPE_CHECKING:
    from esg_http.call.peer import Peer

ASGI = {"version": "3.0", "spec_version": "2.5"}

SHORT_TARGET = 256
"""Bytes of a target that is worth remembering."""


@dataclass(slots=True)
class Target:
    """A request target in origin form, taken apart: decoded path, path as sent, query."""

    path: str
    raw_path: bytes
    query: bytes


def read_target(target: bytes) -> Target:
    """Take apart a target; a path that is not UTF-8 gets U+FFFD in its decoded form."""
    raw_path, _, query = target.partition(b"?")
    path = unquote_to_bytes(raw_path).decode("utf-8", "replace") if b"%" in raw_path else raw_path.decode("ascii")
    return Target(path, raw_path, query)


_remembered_target = lru_cache(maxsize=1024)(read_target)


def known_target(target: bytes) -> Target:
    """As `read_target()`, which need not be asked again about short targets."""
    return _remembered_target(target) if len(target) <= SHORT_TARGET else read_target(target)


def scope_template(peer: "Peer") -> dict[str, Any]:
    """A scope with what all HTTP/1.1 requests of a connection have in common, and room for the rest."""
    own = dict.fromkeys(("method", "path", "raw_path", "query_string", "headers", "extensions", "state"))
    return {
        "type": "http",
        "asgi": ASGI,
        "http_version": "1.1",
        "server": peer.server,
        "client": peer.client,
        "scheme": peer.scheme,
        "root_path": peer.root_path,
        **own,
    }


def request_scope(peer: "Peer", method: str, target: Target, headers: Headers) -> dict[str, Any]:
    """The scope of one HTTP/1.1 request, but for `state`.

    The root path is put before the path, as users of uvicorn know it.
    """
    scope = peer.scope.copy()  # cheaper than a new dict of as many names
    scope["method"] = method
    scope["path"] = target.path
    scope["raw_path"] = target.raw_path
    scope["query_string"] = target.query
    scope["headers"] = headers.copy()
    scope["extensions"] = peer.extensions.copy()
    root_path = peer.root_path
    if root_path:
        scope["path"] = root_path + target.path
        scope["raw_path"] = root_path.encode("utf-8") + target.raw_path
    return scope


__all__ = ["Target", "known_target", "read_target", "request_scope", "scope_template"]
