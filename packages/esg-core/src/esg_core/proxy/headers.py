"""Puts what proxies say about the client into the scope (rule H-19).

Pure functions over an ASGI scope, without I/O; the caller has already checked that the peer is trusted
(`TrustedProxies.peer`). Nothing here raises: malformed values are ignored, because any client can have a proxy pass
them on.

Fields: `x-forwarded-for`, `-proto`, `-host`, `-port`, `-prefix`, and `forwarded` (RFC 7239).

* Lists grow on the right, and only the right end comes from the proxy that we know. Of `-proto`, `-host`, `-port` and
  `-prefix` the last element of the last line counts.
* `x-forwarded-for`, all its lines joined in order, is walked from the right as long as the hops are trusted: the client
  is the first that is not, or the leftmost if all are. An element that is not an address ends the walk, and the client
  is the last address before it. With `*` the leftmost address is the client: every hop is trusted.
* `forwarded` is walked the same way; `proto` and `host` come from the element whose `for` is the client, so they are
  what the outermost trusted proxy saw.
* If any x-forwarded field is present, `forwarded` is ignored. Nearly all proxies write the former, and pass the latter
  on as the client wrote it; mixing the two would let every client choose its address. A proxy that writes only
  `forwarded` must remove the others.
* `-host` and the `host` of `forwarded` also replace the `host` header, from which frameworks build URLs.

A proxy must set or remove each of these fields: one that it does not know reaches us as the client wrote it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from esg_core.asgi import Headers, Scope
from esg_core.proxy.authority import Node, parse_host, parse_node
from esg_core.proxy.forwarded_field import elements
from esg_core.proxy.trust import TrustedProxies

EXTENDED = frozenset(
    [b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-prefix"]
)
"""The de facto standard fields; if one of them is present, `forwarded` is ignored."""

NAMES = EXTENDED | {b"forwarded"}
"""The fields that matter, in lower case; without any of them, `apply()` need not be called."""

MAX_HOPS = 64
"""More proxies than any request passes through; elements further left are not read."""

LONGEST_PREFIX = 1024
"""Characters."""

_SECURE = {"http": False, "ws": False, "https": True, "wss": True}
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9\-._~!$&'()*+;=:@]++)+")


@dataclass(slots=True)
class _Claims:
    """What the proxies say, unchecked except for the client."""

    client: Node | None = None
    proto: str = ""
    host: str = ""
    port: str = ""
    prefix: str = ""


def apply(scope: Scope, trust: TrustedProxies) -> None:
    """Set client, scheme, server, root_path, path and the `host` header of a scope to what trusted proxies say.

    For `http` and `websocket` scopes of a trusted peer; `scope["headers"]` is replaced, never modified.
    """
    fields: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        if name in NAMES:
            fields.setdefault(name, []).append(value)
    claims = _Claims()
    if EXTENDED.isdisjoint(fields):
        _read_forwarded(claims, fields, trust)
    else:
        _read_extended(claims, fields, trust)
    _change(scope, claims)


def _read_extended(claims: _Claims, fields: dict[bytes, list[bytes]], trust: TrustedProxies) -> None:
    claims.client = _walk(_joined(fields.get(b"x-forwarded-for", [])), trust)
    claims.proto = _last(fields.get(b"x-forwarded-proto"))
    claims.host = _last(fields.get(b"x-forwarded-host"))
    claims.port = _last(fields.get(b"x-forwarded-port"))
    claims.prefix = _last(fields.get(b"x-forwarded-prefix"))


def _read_forwarded(claims: _Claims, fields: dict[bytes, list[bytes]], trust: TrustedProxies) -> None:
    for element in islice(elements(_joined(fields.get(b"forwarded", []))), MAX_HOPS):
        claims.proto = element.get("proto", "")
        claims.host = element.get("host", "")
        hop = element.get("for", "")
        address = parse_node(hop)
        claims.client = address or claims.client
        if not trust.trusts(address[0] if address else hop):
            return


def _walk(value: str, trust: TrustedProxies) -> Node | None:
    client = None
    for element in reversed(value.rsplit(",", MAX_HOPS)):
        hop = element.strip(" \t")
        address = parse_node(hop)
        client = address or client
        if hop and not trust.trusts(address[0] if address else hop):
            break
    return client


def _joined(values: Iterable[bytes]) -> str:
    return b",".join(values).decode("latin-1")


def _last(values: list[bytes] | None) -> str:
    return values[-1].rpartition(b",")[2].strip(b" \t").decode("latin-1") if values else ""


def _change(scope: Scope, claims: _Claims) -> None:
    if claims.client:
        scope["client"] = claims.client
    secure = _SECURE.get(claims.proto.lower())
    if secure is not None:
        scope["scheme"] = ("ws" if scope["type"] == "websocket" else "http") + ("s" if secure else "")
    _change_server(scope, claims)
    if claims.prefix:
        _change_root(scope, claims.prefix.removesuffix("/"))


def _change_server(scope: Scope, claims: _Claims) -> None:
    """Set the server: the port in the host wins over the port field, and that over the default of the scheme."""
    port = _port(claims.port)
    host = parse_host(claims.host)
    if host:
        default = 443 if scope.get("scheme", "http") in ("https", "wss") else 80
        scope["server"] = (host[0], host[1] or port or default)
        scope["headers"] = _with_host(scope["headers"], claims.host.encode("ascii"))
    elif port and scope.get("server") and scope["server"][1] is not None:
        scope["server"] = (scope["server"][0], port)


def _port(text: str) -> int:
    return int(text) if len(text) <= 5 and text.isascii() and text.isdigit() and int(text) <= 65535 else 0


def _with_host(headers: Iterable[tuple[bytes, bytes]], host: bytes) -> Headers:
    others: Headers = [(name, value) for name, value in headers if name != b"host"]
    return [(b"host", host), *others]


def _change_root(scope: Scope, prefix: str) -> None:
    """Restore the prefix that a proxy has stripped off the path, as `root-path` does.

    Does nothing if `root-path` has the same prefix already. Repeated slashes are malformed, because `//evil.example` is
    a link to another host; so are percent-encoded bytes, which could hide them.
    """
    root = scope.get("root_path", "")
    if len(prefix) > LONGEST_PREFIX or not _PREFIX.fullmatch(prefix) or (root + "/").startswith(prefix + "/"):
        return
    scope["root_path"] = prefix + root
    if scope["path"][:1] == "/":
        scope["path"] = prefix + scope["path"]
        if scope.get("raw_path"):
            scope["raw_path"] = prefix.encode("ascii") + scope["raw_path"]
