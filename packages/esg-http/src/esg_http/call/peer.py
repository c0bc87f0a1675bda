"""The two ends of an accepted connection, read from the transport once, and the scopes made from them.

Shared by all HTTP versions and the WebSocket handshake (rule H-15, ASGI HTTP 2.5).
"""

from typing import TYPE_CHECKING, Any, Protocol

from esg_core.access.escaping import client_text
from esg_core.asgi import Headers
from esg_core.proxy.authority import shown
from esg_core.proxy.preface_extensions import tells_of_tls
from esg_http.call.extensions import FILE_MESSAGES
from esg_http.call.target import Target
from esg_http.call.tls_extension import tls_extension

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.proxy.trust import TrustedProxies

ASGI = {"version": "3.0", "spec_version": "2.3"}
"""The version that HTTP scopes announce, although the rest of 2.5 is there: from 2.4 on, applications may rely on
`send()` to raise when the client has gone, and one that waits for its next event does not send (rule H-21)."""


class FactsOfTransport(Protocol):
    """A transport, as far as facts about it go."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See `asyncio.BaseTransport.get_extra_info`."""


def http_extensions(context: "Context") -> dict[str, Any]:
    """What `scope["extensions"]` has in all HTTP requests of a server."""
    files = dict[str, Any]((name, {}) for name in FILE_MESSAGES) if context.config.pathsend else {}
    return {"http.response.early_hint": {}, **files, **context.extensions}


class Peer:
    """The ends of a connection: addresses, scheme, trust in the client as a proxy (rules H-15, H-19).

    `extensions` are those of all requests, from `http_extensions()`; a connection without its own shares them.
    `quic_tls` is the value of the `tls` extension for QUIC, whose transports have no ssl object.
    """

    __slots__ = ("client", "extensions", "is_tls", "protocol", "root_path", "scheme", "scope", "server", "trust")

    def __init__(
        self,
        context: "Context",
        transport: FactsOfTransport,
        root_path: str,
        extensions: dict[str, Any],
        quic_tls: dict[str, Any] | None = None,
    ) -> None:
        tls = transport.get_extra_info("ssl_object")
        self.is_tls = tls is not None or quic_tls is not None
        self.protocol: str | None = tls.selected_alpn_protocol() if tls is not None else None
        self.client = address_of(transport.get_extra_info("peername"))
        self.trust: TrustedProxies | None = (
            context.trust if context.trust is not None and context.trust.peer(self.client) else None
        )
        announced = transport.get_extra_info("esg.proxy_extensions") or ()
        self.scheme = "https" if self.is_tls or tells_of_tls(announced) else "http"
        self.server = _server(transport.get_extra_info("sockname"))
        self.root_path = root_path
        self.extensions = extensions
        security = quic_tls if tls is None else tls_extension(tls)
        if security is not None:
            self.extensions = {**self.extensions, "tls": security}
        if announced:
            self.extensions = {**self.extensions, "esg.proxy_protocol": {"extensions": announced}}
        self.scope = scope_template(self)

    def __str__(self) -> str:
        return client_text(self.client, "unix")


def address_of(name: object) -> tuple[str, int] | None:
    """Host and port; None if it is not an Internet address."""
    return (shown(str(name[0])), int(name[1])) if isinstance(name, (tuple, list)) and len(name) >= 2 else None


def _server(name: object) -> tuple[str, int | None] | None:
    """Host and port, or the path of a UNIX socket and None."""
    if isinstance(name, bytes):
        return (name.decode("utf-8", "surrogateescape"), None)
    return (name, None) if isinstance(name, str) else address_of(name)


def scope_template(peer: Peer) -> dict[str, Any]:
    """A scope with what all HTTP/1.1 requests of a connection share, and keys for the rest."""
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


def request_scope(peer: Peer, method: str, target: Target, headers: Headers) -> dict[str, Any]:
    """The scope of one HTTP/1.1 request, except for `state`.

    The root path goes before the path, as in uvicorn.
    """
    scope = peer.scope.copy()  # cheaper than building a new dict
    scope["method"] = method
    scope["path"] = target.path
    scope["raw_path"] = target.raw_path
    scope["query_string"] = target.query
    scope["headers"] = headers.copy()
    scope["extensions"] = peer.extensions.copy()
    root_path = peer.root_path
    if root_path and target.raw_path != b"*":  # the server itself, which is below no path (RFC 9110 section 9.3.7)
        scope["path"] = root_path + target.path
        scope["raw_path"] = root_path.encode("utf-8") + target.raw_path
    return scope
