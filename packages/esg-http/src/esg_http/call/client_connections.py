"""How many connections each client has (rule A-11).

A connection counts for the client at its other end, from the moment it is made. One from a trusted proxy counts for the
clients whose requests it carries, as long as they wait or run, once for each client. `client_networks` says what one
client is. What has no address of a client does not count: UNIX sockets, and what a proxy asks for itself. Memory is
bounded by connections and calls.

Knows transports and calls, no protocol.
"""

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from esg_core.asgi import Scope
from esg_core.contracts import Connection, Cycle
from esg_http.call.client_networks import client_of
from esg_http.call.peer import address_of

if TYPE_CHECKING:
    from esg_core.proxy.trust import TrustedProxies

SHARED = "esg.is_stream"
"""What a transport says of itself in `get_extra_info()` if it is a part of another connection."""


class ClientCall(Cycle, Protocol):
    """A call, as far as it matters here."""

    @property
    def scope(self) -> Scope:
        """What the application gets."""

    @property
    def is_from_proxy(self) -> bool:
        """Whether its peer is a trusted proxy."""

    @property
    def connection(self) -> Connection:
        """What carries its request."""


class ClientConnections:
    """Counts the connections of one server by client: see `esg_core.contracts.ConnectionWatch`.

    Clients that `trust` covers are proxies; None trusts none.
    """

    def __init__(self, trust: "TrustedProxies | None", limit: float) -> None:
        self._limit = limit
        self._trust = trust
        self._open: Counter[str] = Counter()
        self._hosts: dict[Connection, str] = {}
        self._beyond: set[Connection] = set()
        self._carried: Counter[tuple[Connection, str]] = Counter()

    def admits(self, call: ClientCall) -> bool:
        """Whether a request may be served: its connection is within the limit of its client."""
        connection = call.connection
        if not call.is_from_proxy:
            return connection not in self._beyond or self._has_room_for(connection)
        host = _client_behind(call)
        return host is None or (connection, host) in self._carried or self._open.get(host, 0) < self._limit

    def _has_room_for(self, connection: Connection) -> bool:
        """Look again whether a connection is within the limit; if not, it is refused, and no longer counts."""
        host = self._hosts.get(connection)
        if host is None:
            return False
        if self._open[host] > self._limit:
            del self._hosts[connection]
            self._drop(host)
            return False
        self._beyond.discard(connection)
        return True

    # What happens.

    def join(self, connection: Connection) -> None:
        host = self._host_of(getattr(connection, "transport", None))
        if host is None:
            return
        self._hosts[connection] = host
        self._open[host] += 1
        if self._open[host] > self._limit:
            self._beyond.add(connection)

    def leave(self, connection: Connection) -> None:
        self._beyond.discard(connection)
        host = self._hosts.pop(connection, None)
        if host is not None:
            self._drop(host)

    def begin(self, call: ClientCall) -> tuple[Connection, str] | None:
        """A request waits or runs; returns what `end()` needs, None if it does not count by itself."""
        host = _client_behind(call) if call.is_from_proxy else None
        if host is None:
            return None
        key = (call.connection, host)
        self._carried[key] += 1
        if self._carried[key] == 1:
            self._open[host] += 1
        return key

    def end(self, key: tuple[Connection, str]) -> None:
        """That request has left."""
        self._carried[key] -= 1
        if not self._carried[key]:
            del self._carried[key]
            self._drop(key[1])

    def _drop(self, host: str) -> None:
        self._open[host] -= 1
        if not self._open[host]:
            del self._open[host]

    def _host_of(self, transport: Any) -> str | None:
        """The client at the other end; None if it has no address, or is a proxy."""
        if transport is None or transport.get_extra_info(SHARED):
            return None
        address = address_of(transport.get_extra_info("peername"))
        if address is None or (self._trust is not None and self._trust.trusts(address[0])):
            return None
        return client_of(address[0])


class WatchedCalls(set[Any]):
    """The running calls of a context: tells which begin and end, and counts those that are expected already."""

    def __init__(self, clients: ClientConnections) -> None:
        super().__init__()
        self._clients = clients
        self._counted: dict[object, tuple[Connection, str]] = {}

    def expect(self, call: ClientCall) -> None:
        """A request waits until it may run: it counts until `discard()`, as it does while it runs."""
        key = self._clients.begin(call)
        if key is not None:
            self._counted[call] = key

    def add(self, call: ClientCall) -> None:
        """A call begins."""
        super().add(call)
        if call not in self._counted:
            self.expect(call)

    def discard(self, call: object) -> None:
        """A call has ended, or a request that was expected has left."""
        super().discard(call)
        key = self._counted.pop(call, None)
        if key is not None:
            self._clients.end(key)


def _client_behind(call: ClientCall) -> str | None:
    """The client for whom a proxy asks; None if it asks for itself, or does not say."""
    client = call.scope.get("client")
    transport = getattr(call.connection, "transport", None)
    peer = transport.get_extra_info("peername") if transport is not None else None
    if client is None or tuple(client) == address_of(peer):
        return None
    return client_of(str(client[0]))
