"""Builds the ASGI scope of a request (rule H-15, ASGI HTTP 2.5).

Pure. What is the same for all requests of a connection stands in a template made once; a request copies it and adds its
own. Shared by all HTTP versions and by the WebSocket handshake.
"""

from typing import Any
from urllib.parse import unquote_to_bytes

from esg_core.asgi import Headers

ASGI = {"version": "3.0", "spec_version": "2.5"}

_METHODS = {
    method.encode(): method for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")
}


def scope_template(
    scheme: str, server: tuple[str, int | None] | None, client: tuple[str, int] | None, root_path: str
) -> dict[str, Any]:
    """The part of the scope that is the same for all requests of one connection."""
    return {
        "type": "http",
        "asgi": ASGI,
        "http_version": "1.1",
        "server": server,
        "client": client,
        "scheme": scheme,
        "root_path": root_path,
    }


def request_scope(template: dict[str, Any], method: bytes, target: bytes, headers: Headers) -> dict[str, Any]:
    """The scope of one request, but for `state` and `extensions`.

    `target` is the path and query; `root_path` is put before the path, as users of uvicorn know it.
    """
    scope = template.copy()
    raw_path, _, query = target.partition(b"?")
    path = unquote_to_bytes(raw_path).decode("utf-8", "replace") if b"%" in raw_path else raw_path.decode("ascii")
    root_path = scope["root_path"]
    if root_path:
        path = root_path + path
        raw_path = root_path.encode("utf-8") + raw_path
    scope["method"] = _METHODS.get(method) or method.decode("ascii")
    scope["path"] = path
    scope["raw_path"] = raw_path
    scope["query_string"] = query
    scope["headers"] = headers
    return scope


__all__ = ["request_scope", "scope_template"]
