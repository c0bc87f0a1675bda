"""Proxy headers as ASGI middleware (rule H-19), for other servers and for applications with their own list.

Knows ASGI only; what the headers mean is in `esg_core.proxy.headers`.
"""

from collections.abc import Sequence

from esg_core.asgi import Application, Receive, Scope, Send
from esg_core.proxy.headers import NAMES, apply
from esg_core.proxy.trust import TrustedProxies


class ProxyHeadersMiddleware:
    """Give the application the client, scheme, host and mount point that trusted proxies report.

    `trusted_hosts` is like the option `forwarded-allow-ips`; malformed entries raise `UsageError`. The server's scope
    is not changed: the application gets a shallow copy.
    """

    def __init__(self, app: Application, trusted_hosts: str | Sequence[str] = "127.0.0.1,::1") -> None:
        self.app = app
        self.trust = TrustedProxies(trusted_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Correct the scope of a trusted peer's request and call the application."""
        if scope["type"] in ("http", "websocket") and self.trust.peer(scope.get("client")):
            scope = self._corrected(scope)
        await self.app(scope, receive, send)

    def _corrected(self, scope: Scope) -> Scope:
        if not any(name in NAMES for name, _ in scope["headers"]):
            return scope
        copy = dict(scope)
        apply(copy, self.trust)
        return copy
