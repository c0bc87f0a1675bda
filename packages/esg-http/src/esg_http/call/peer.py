"""What one accepted connection tells about its two ends, read from the transport once.

Shared by all HTTP versions and the WebSocket handshake: from it come the parts of the scope that all requests of the
connection have in common.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from esg_core.access.escaping import client_text
from esg_core.proxy.preface_extensions import tells_of_tls
from esg_http.call.target import scope_template
from esg_http.call.tls_extension import tls_extension

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.proxy.headers import TrustedProxies


class Peer:
    """The ends of a connection: addresses, scheme, trust in the client as a proxy (rules H-15, H-19)."""

    __slots__ = ("client", "extensions", "is_tls", "protocol", "root_path", "scheme", "scope", "server", "trust")

    def __init__(self, context: "Context", transport: asyncio.Transport, root_path: str) -> None:
        tls = transport.get_extra_info("ssl_object")
        self.is_tls = tls is not None
        self.protocol: str | None = tls.selected_alpn_protocol() if tls is not None else None
        self.client = _address(transport.get_extra_info("peername"))
        self.trust: TrustedProxies | None = (
            context.trust if context.trust is not None and context.trust.peer(self.client) else None
        )
        announced = transport.get_extra_info("esg.proxy_extensions") or ()
        self.scheme = "https" if self.is_tls or tells_of_tls(announced) else "http"
        self.server = _server(transport.get_extra_info("sockname"))
        self.root_path = root_path
        self.extensions: dict[str, Any] = {
            "http.response.early_hint": {},
            "http.response.pathsend": {},
            "http.response.zerocopysend": {},
            **context.extensions,
        }
        if tls is not None:
            self.extensions["tls"] = tls_extension(tls)
        if announced:
            self.extensions["esg.proxy_protocol"] = {"extensions": announced}
        self.scope = scope_template(self)

    def __str__(self) -> str:
        return client_text(self.client, "unix")


def _address(name: object) -> tuple[str, int] | None:
    """Host and port; None for what is no address of the Internet."""
    return (str(name[0]), int(name[1])) if isinstance(name, (tuple, list)) and len(name) >= 2 else None


def _server(name: object) -> tuple[str, int | None] | None:
    """Host and port, or the path of a UNIX socket and None."""
    if isinstance(name, bytes):
        return (name.decode("utf-8", "surrogateescape"), None)
    return (name, None) if isinstance(name, str) else _address(name)


__all__ = ["Peer"]
