"""Connections that begin with a PROXY preface (rule H-19), as HAProxy and cloud balancers send it.

Knows transports and the preface (through `proxy_preface`), not the protocol that follows. `ProxyProtocol` is what a
listener makes for each connection. It reads the preface and not one byte more, then makes the protocol that the
listener is for, and steps aside: all that comes later goes from the transport straight to it. The inner protocol sees
the announced addresses through `get_extra_info()`, and everything else of its transport as it is.

With `handshakes`, TLS starts after the preface, which is how balancers that do not terminate it forward it; the
listener itself has to be a cleartext one then.

Until the inner protocol takes over, the connection is one of the context's: it has a deadline, is drained and aborted.
"""

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from esg_core.proxy.preface import PrefaceError, Route, missing, parse
from esg_core.proxy.trust import TrustedProxies
from esg_core.sockets.ends import abort, end_for_client
from esg_core.sockets.failed_handshake import tell_failed_handshake
from esg_core.sockets.handshakes import Handshakes, Secured

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.plugins import ProtocolFactory

LARGEST_READ = 4096
"""Bytes; a preface with many extensions (TLVs) is read in several pieces."""

DRAIN_GRACE = 0.25
"""Seconds in which a preface that is on its way may still come when the server drains."""

HANDSHAKE_GRACE = 1.0
"""Seconds for a TLS handshake that has begun when the server drains; as for one without a preface."""


class ProxyProtocol(asyncio.BufferedProtocol):
    """Reads the preface of one connection and hands the connection over to the protocol that `factory` makes.

    `trust` says which peers may announce addresses; all others are closed, and so is whatever is no preface, each with
    one line in the log. The preface has `timeout_request_headers` to arrive, TLS after it `timeout_tls_handshake`.
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
        """As `Connection.transport`."""
        return self._transport

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.BufferedProtocol`."""
        self._transport = cast(asyncio.Transport, transport)
        context = self._context
        context.connections.add(self)
        self.deadline = context.loop.time() + context.config.timeout_request_headers
        context.sweeper.add(self)
        name = transport.get_extra_info("peername")
        if not self._trust.peer((name[0], name[1]) if isinstance(name, tuple) else None):
            self._refuse("forwarded-allow-ips does not trust it")
        elif context.draining:
            self.drain()

    def get_buffer(self, sizehint: int) -> bytearray:
        """As `asyncio.BufferedProtocol`: room for what certainly belongs to the preface."""
        self._piece = bytearray(min(missing(self._preface), LARGEST_READ))
        return self._piece

    def buffer_updated(self, nbytes: int) -> None:
        """As `asyncio.BufferedProtocol`."""
        self._preface += self._piece[:nbytes]
        try:
            if missing(self._preface) == 0:
                self._complete(parse(bytes(self._preface)))
        except PrefaceError as exc:
            self._refuse(str(exc))

    def eof_received(self) -> None:
        """As `asyncio.BufferedProtocol`; balancers look whether a port is open by opening and closing a connection."""
        if self._preface:
            self._refuse("it ended within the preface")

    def connection_lost(self, exc: Exception | None) -> None:
        """As `asyncio.BufferedProtocol`."""
        end_for_client(self._transport, exc)
        self._leave()

    # What the context tells; see `esg_core.contracts.Connection`.

    def drain(self) -> None:
        """As `Connection.drain`."""
        grace = DRAIN_GRACE if self._handshake is None else HANDSHAKE_GRACE
        self.deadline = min(self.deadline, self._context.loop.time() + grace)
        self._context.sweeper.hasten(self)

    def abort(self) -> None:
        """As `Connection.abort`."""
        abort(self._transport)

    def expire(self, now: float) -> None:
        """As `Connection.expire`; a handshake has a deadline here in a drain only, as `Listeners.settle()` has it."""
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

    def _leave(self) -> None:
        context = self._context
        context.sweeper.discard(self)
        context.connections.discard(self)
        if context.draining:
            context.left()

    def _complete(self, route: Route | None) -> None:
        """Nothing is read until the next protocol is in its place: the transport asks each one how it wants to read."""
        self._transport.pause_reading()
        if self._handshakes is None:
            self._hand_over(Secured(self._transport, b""), route)
            self._transport.resume_reading()
        else:
            self.deadline = math.inf  # the handshake has its own
            self._handshake = self._context.loop.create_task(self._shake_hands(self._handshakes, route))

    async def _shake_hands(self, handshakes: Handshakes, route: Route | None) -> None:
        try:
            secured = await handshakes.secure(self._transport)
        except OSError as error:
            tell_failed_handshake(error, self._transport.get_extra_info("peername") if route is None else route.client)
            self._leave()
        else:
            self._hand_over(secured, route)

    def _hand_over(self, made: Secured, route: Route | None) -> None:
        """The inner protocol joins the context before this one leaves: the server never looks quiet between."""
        shown = None if route is None else AnnouncedTransport(made.transport, route)
        made.hand_over(self._factory(), shown)
        self._leave()


def after_preface(
    factory: "ProtocolFactory", context: "Context", handshakes: Handshakes | None
) -> Callable[[], ProxyProtocol]:
    """What makes the protocol of each connection, for a listener whose connections all begin with a preface."""
    trust = TrustedProxies(context.config.forwarded_allow_ips)
    return lambda: ProxyProtocol(factory, context, trust, handshakes)


class AnnouncedTransport(asyncio.Transport):
    """Another transport, except for the addresses: `peername` and `sockname` are those that the proxy announced.

    `esg.proxy_extensions` are the extensions that came with them.
    """

    def __init__(self, transport: asyncio.Transport, route: Route) -> None:
        super().__init__()
        self._transport = transport
        self._announced = {
            "peername": route.client,
            "sockname": route.server,
            "esg.proxy_extensions": route.extensions,
        }

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As `asyncio.BaseTransport`."""
        if name in self._announced:
            return self._announced[name]
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """As `asyncio.BaseTransport`."""
        return self._transport.is_closing()

    def close(self) -> None:
        """As `asyncio.BaseTransport`."""
        self._transport.close()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """As `asyncio.BaseTransport`."""
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """As `asyncio.BaseTransport`."""
        return self._transport.get_protocol()

    def is_reading(self) -> bool:
        """As `asyncio.ReadTransport`."""
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        """As `asyncio.ReadTransport`."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """As `asyncio.ReadTransport`."""
        self._transport.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As `asyncio.WriteTransport`."""
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """As `asyncio.WriteTransport`."""
        return self._transport.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """As `asyncio.WriteTransport`."""
        return self._transport.get_write_buffer_limits()

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """As `asyncio.WriteTransport`."""
        self._transport.write(data)

    def writelines(self, list_of_data: "Iterable[bytes | bytearray | memoryview[Any]]") -> None:
        """As `asyncio.WriteTransport`."""
        self._transport.writelines(list_of_data)

    def write_eof(self) -> None:
        """As `asyncio.WriteTransport`."""
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        """As `asyncio.WriteTransport`."""
        return self._transport.can_write_eof()

    def abort(self) -> None:
        """As `asyncio.WriteTransport`."""
        self._transport.abort()
