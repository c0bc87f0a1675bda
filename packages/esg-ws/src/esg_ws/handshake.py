"""Checks and answers the opening handshake, on a head that HTTP has read (RFC 6455 section 4.2, rule S-5).

Sans-I/O: an ASGI scope in, header fields out. Over HTTP/2 and HTTP/3 (RFC 8441, RFC 9220) the same handshake has
neither key nor upgrade: the method is CONNECT, the stream says the rest, and no field is about a connection.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from esg_core.asgi import Headers, Scope
from esg_core.errors import ApplicationError, RequestError
from esg_core.header_fields import TOKEN
from esg_ws.compression_offers import Agreement, negotiate

VERSION = b"13"

ON_STREAMS = ("2", "3")
"""The versions of HTTP where a WebSocket is one stream of its connection."""

ANSWERS: dict[tuple[int, bool], Headers] = {
    (405, False): [(b"allow", b"GET")],
    (405, True): [(b"allow", b"CONNECT")],
    (426, False): [(b"upgrade", b"websocket"), (b"sec-websocket-version", VERSION)],
    (426, True): [(b"sec-websocket-version", VERSION)],
}
"""Fields that a refusal must have, by its status and whether it is sent on a stream, where `upgrade` is malformed."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_TOKEN = re.compile(TOKEN.encode() + b"+")

_PROTOCOL = b"sec-websocket-protocol"
_OF_THE_HANDSHAKE = frozenset((b"upgrade", b"sec-websocket-accept", b"sec-websocket-extensions", _PROTOCOL))
"""Fields of the answer that the application cannot set."""

_HTTP = "http.response."

ASGI = {"version": "3.0", "spec_version": "2.5"}


class Handshake(NamedTuple):
    """What a client asks for: `key` is empty on a stream, `extensions` is the answer to its offers."""

    key: bytes
    subprotocols: list[str]
    extensions: bytes
    agreement: Agreement | None


def read_handshake(scope: Scope, compress: bool) -> Handshake:
    """Check an upgrade request; `compress` allows compression. Raises `RequestError`: 400, 405 or 426."""
    is_stream = scope["http_version"] in ON_STREAMS
    method, section = ("CONNECT", "RFC 8441 section 5") if is_stream else ("GET", "RFC 6455 section 4.1")
    if scope["method"] != method:
        raise RequestError(405, f"the method of a handshake is {method}", section)
    fields = _fields(scope["headers"])
    if fields.get(b"sec-websocket-version") != [VERSION]:
        raise RequestError(426, "sec-websocket-version is not 13", "RFC 6455 section 4.4")
    if not is_stream:
        _check_body(fields)
    key = b"" if is_stream else _key(fields.get(b"sec-websocket-key", []))
    agreed = negotiate(fields.get(b"sec-websocket-extensions", [])) if compress else None
    extensions, agreement = agreed or (b"", None)
    return Handshake(key, _subprotocols(fields.get(_PROTOCOL, [])), extensions, agreement)


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    fields: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        fields.setdefault(name, []).append(value)
    return fields


def _check_body(fields: dict[bytes, list[bytes]]) -> None:
    """Refuse a body: two servers could disagree about where the frames behind it begin."""
    if b"transfer-encoding" in fields or fields.get(b"content-length", [b"0"]) != [b"0"]:
        raise RequestError(400, "a handshake has no body", "RFC 6455 section 4.1")


def _key(values: list[bytes]) -> bytes:
    if not values:
        raise RequestError(400, "sec-websocket-key is missing", "RFC 6455 section 4.2.1")
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise RequestError(400, "sec-websocket-key is malformed", "RFC 6455 section 4.2.1")
    return values[0]


def _subprotocols(values: list[bytes]) -> list[str]:
    names = [name.strip(b" \t") for value in values for name in value.split(b",")]
    if not all(_TOKEN.fullmatch(name) for name in names if name):
        raise RequestError(400, "sec-websocket-protocol is malformed", "RFC 6455 section 4.1")
    return [name.decode("ascii") for name in names if name]


def websocket_scope(scope: Scope, handshake: Handshake) -> Scope:
    """The scope for the application, made from that of the request (ASGI WebSocket 2.5)."""
    changed = {name: value for name, value in scope.items() if name != "method"}
    extensions = {name: value for name, value in scope["extensions"].items() if not name.startswith(_HTTP)}
    changed["type"] = "websocket"
    changed["asgi"] = ASGI
    changed["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
    changed["subprotocols"] = handshake.subprotocols
    changed["extensions"] = {**extensions, "websocket.http.response": {}}
    return changed


def accept_headers(handshake: Handshake, subprotocol: str | None, headers: Headers) -> Headers:
    """The fields of the answer that accepts, with those of the application last.

    A subprotocol in `headers` counts if the application does not name one otherwise. Raises `ApplicationError` for one
    that the client has not offered.
    """
    own = [(name, value) for name, value in headers if name.lower() not in _OF_THE_HANDSHAKE]
    if subprotocol is None:
        subprotocol = next((value.decode("latin-1") for name, value in headers if name.lower() == _PROTOCOL), None)
    answer: Headers = []
    if handshake.key:
        answer += [(b"upgrade", b"websocket"), (b"sec-websocket-accept", accept_key(handshake.key))]
    if subprotocol is not None:
        if subprotocol not in handshake.subprotocols:
            raise ApplicationError(f"the client has not offered the subprotocol {subprotocol!r} (S-2)")
        answer.append((_PROTOCOL, subprotocol.encode("ascii")))
    if handshake.extensions:
        answer.append((b"sec-websocket-extensions", handshake.extensions))
    return answer + own


def accept_key(key: bytes) -> bytes:
    """The proof that the server has understood the handshake (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
