"""Connections that begin with a PROXY preface (rule H-19), as HAProxy and cloud balancers send it.

Knows transports and the preface (through `esg_core.proxy.preface`), not the protocol that follows. A listener makes a
`ProxyProtocol` for each connection. It reads the preface and not one byte more, makes the protocol that the listener is
for, and steps aside: everything later goes straight from the transport to that protocol, which sees the announced
addresses through `get_extra_info()`, and everything else of its transport as it is.

With `handshakes`, TLS begins after the preface, as balancers that do not terminate it forward it; the listener itself
must then be a cleartext one.

Until the inner protocol takes over, this is one of the context's connections: it has a deadline, and can be drained and
aborted.
"""

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from esg_core.proxy.preface import PrefaceError, Route, missing, parse
from esg_core.proxy.trust import TrustedProxies
from esg_core.sockets.ends import abort, end_for_client
from esg_core.sockets.failed_handshake import log_failed_handshake
from esg_core.sockets.handshakes import Handshakes, Secured

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.plugins import ProtocolFactory

LARGEST_READ = 4096
"""Bytes; a preface with many extensions (TLVs) is read in several pieces."""

DRAIN_GRACE = 0.25
"""Seconds that a preface has to arrive once the server drains."""

HANDSHAKE_GRACE = 1.0
"""Seconds for a TLS handshake that has begun when the server drains, as without a preface."""


class ProxyProtocol(asyncio.BufferedProtocol):
    """Reads the preface of one connection and hands the connection over to the protocol that `factory` makes.

    See `esg_core.contracts.Connection`. `trust` says which peers may announce addresses; connections from others, or
    without a preface, are closed, each with one line in the log. The preface has `timeout_request_headers` to arrive,
    TLS after it `timeout_tls_handshake`.
    """

    protocol_name = "PROXY protocol"

    def __init__(
        self,
        factory: "ProtocolFactory",
        context: "Context",
        trust: TrustedProxies,
        handshakes: Handshakes | None = None,
    ) -> None:
        self.deadline = math.inf
        self.check_at = 0
        self._factory = factory
        self._context = context
        self._trust = trust
        self._handshakes = handshakes
        self._transport: asyncio.Transport
        self._preface = bytearray()
        self._piece = bytearray()
        self._handshake: asyncio.Task[None] | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """For the log at the level trace."""
        return self._transport

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        context = self._context
        self.deadline = context.loop.time() + context.config.timeout_request_headers
        context.join(self)
        name = transport.get_extra_info("peername")
        if not self._trust.peer((name[0], name[1]) if isinstance(name, tuple) else None):
            self._refuse("forwarded-allow-ips does not trust it")
        elif context.draining:
            self.drain()

    def get_buffer(self, sizehint: int) -> bytearray:
        """See `asyncio.BufferedProtocol`; returns room only for what certainly belongs to the preface."""
        self._piece = bytearray(min(missing(self._preface), LARGEST_READ))
        return self._piece

    def buffer_updated(self, nbytes: int) -> None:
        self._preface += self._piece[:nbytes]
        try:
            if missing(self._preface) == 0:
                self._complete(parse(bytes(self._preface)))
        except PrefaceError as exc:
            self._refuse(str(exc))

    def eof_received(self) -> None:
        """See `asyncio.BufferedProtocol`; an end before the first byte is how balancers check a port."""
        if self._preface:
            self._refuse("it ended within the preface")

    def connection_lost(self, exc: Exception | None) -> None:
        end_for_client(self._transport, exc)
        self._context.leave(self)

    # Called by the context.

    def drain(self) -> None:
        if self._context.patient:
            return
        grace = DRAIN_GRACE if self._handshake is None else HANDSHAKE_GRACE
        self.deadline = min(self.deadline, self._context.loop.time() + grace)
        self._context.sweeper.hasten(self)

    def abort(self) -> None:
        abort(self._transport)

    def expire(self, now: float) -> None:
        """See `Connection.expire`; a handshake has a deadline here only in a drain, as in `Listeners.settle()`."""
        if self._handshake is None and self._preface:
            self._refuse("the preface was not complete in time")
        elif self._handshakes is not None and self._handshake is not None and self._handshakes.are_waiting:
            self.deadline = now + HANDSHAKE_GRACE
        else:
            abort(self._transport)

    # Ends.

    def _refuse(self, reason: str) -> None:
        name = self._transport.get_extra_info("peername")
        client = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else "a UNIX socket"
        self._context.logger.warning("proxy-protocol: closed the connection from %s: %s", client, reason)
        abort(self._transport)

    def _complete(self, route: Route | None) -> None:
        """Hand over with reading paused: the transport asks each protocol how it wants to read."""
        self._transport.pause_reading()
        if self._handshakes is None:
            self._hand_over(Secured(self._transport, b""), route)
            self._transport.resume_reading()
        else:
            self.deadline = math.inf  # the handshake has its own time-out
            self._handshake = self._context.loop.create_task(self._shake_hands(self._handshakes, route))

    async def _shake_hands(self, handshakes: Handshakes, route: Route | None) -> None:
        try:
            secured = await handshakes.secure(self._transport)
        except OSError as error:
            log_failed_handshake(error, self._transport.get_extra_info("peername") if route is None else route.client)
            self._context.leave(self)
        else:
            self._hand_over(secured, route)

    def _hand_over(self, made: Secured, route: Route | None) -> None:
        """Let the inner protocol join the context before this one leaves: the server must not look idle meanwhile."""
        shown = None if route is None else AnnouncedTransport(made.transport, route)
        made.hand_over(self._factory(), shown)
        self._context.leave(self)


def after_preface(
    factory: "ProtocolFactory", context: "Context", handshakes: Handshakes | None
) -> Callable[[], ProxyProtocol]:
    """The factory of a listener whose connections all begin with a preface."""
    trust = TrustedProxies(context.config.forwarded_allow_ips)
    return lambda: ProxyProtocol(factory, context, trust, handshakes)


_PASSED_ON = (
    *("is_closing", "close", "abort", "set_protocol", "get_protocol", "is_reading", "pause_reading", "resume_reading"),
    *("write", "writelines", "write_eof", "can_write_eof"),
    *("get_write_buffer_size", "get_write_buffer_limits", "set_write_buffer_limits"),
)


class AnnouncedTransport(asyncio.Transport):
    """Another transport, except for its addresses: `peername` and `sockname` are those that the proxy announced.

    `esg.proxy_extensions` are the extensions that came with them. All other methods are those of `transport`.
    """

    def __init__(self, transport: asyncio.Transport, route: Route) -> None:
        super().__init__()
        self._transport = transport
        self._announced = {
            "peername": route.client,
            "sockname": route.server,
            "esg.proxy_extensions": route.extensions,
        }
        for name in _PASSED_ON:
            setattr(self, name, getattr(transport, name))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See `asyncio.BaseTransport`; knows what the proxy announced."""
        if name in self._announced:
            return self._announced[name]
        return self._transport.get_extra_info(name, default)
