"""Decides which peers are trusted to say where a request really comes from (rule H-19).

Knows addresses and names, no headers. The list of `forwarded-allow-ips` is parsed once; the decision about each host is
cached, because most requests come from the same few proxies.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from esg_core.errors import UsageError
from esg_core.proxy.authority import unmapped

KEPT_DECISIONS = 4096
"""Cached decisions at most; one more clears the cache."""

LONGEST_NAME = 64
"""Characters; anything longer is neither an address nor a plausible entry, so it is neither trusted nor cached."""

_LITERAL = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")
_LOOPBACK = ("127.0.0.1", "::1")

UNIX_HOP = "unix:"
"""How nginx writes a client on a UNIX socket."""


class TrustedProxies:
    """The trusted proxies, from a list as in `forwarded-allow-ips`.

    `hosts` is a comma-separated string or a sequence of strings. Each entry is one of: an address (`10.0.0.1`, `::1`);
    a network (`10.0.0.0/8`); `unix` or `unix:`, any peer on a UNIX socket, and the hop that nginx writes for one;
    `localhost`, both loopback addresses; `*`, everything; or a literal, compared with the name that a proxy or a test
    client gives itself (`unknown`, `_proxy1`, `testclient`). An empty list trusts nothing. Raises `UsageError` for any
    other entry.
    """

    __slots__ = ("_addresses", "_decisions", "_everything", "_literals", "_networks", "_unix")

    def __init__(self, hosts: str | Sequence[str]) -> None:
        self._everything = False
        self._unix = False
        self._addresses: set[IPv4Address | IPv6Address] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        self._literals: set[str] = set()
        self._decisions: dict[str, bool] = {}
        for entry in _entries(hosts):
            self._add(entry)

    def peer(self, client: tuple[str, int] | None) -> bool:
        """Whether the peer of a connection is trusted; None is a peer on a UNIX socket."""
        if client is None:
            return self._unix or self._everything
        return self.trusts(client[0])

    def trusts(self, host: str) -> bool:
        """Whether an address or a name is trusted."""
        decision = self._decisions.get(host)
        if decision is None:
            decision = self._decide(host)
        return decision

    def _decide(self, host: str) -> bool:
        if self._everything:
            return True
        if len(host) > LONGEST_NAME:
            return False
        try:
            decision = self._covers(unmapped(ip_address(host)))
        except ValueError:
            decision = host in self._literals
        if len(self._decisions) >= KEPT_DECISIONS:
            self._decisions.clear()
        self._decisions[host] = decision
        return decision

    def _covers(self, address: IPv4Address | IPv6Address) -> bool:
        return address in self._addresses or any(address in network for network in self._networks)

    def _add(self, entry: str) -> None:
        if entry == "*":
            self._everything = True
        elif entry in ("unix", UNIX_HOP):
            self._unix = True
            self._literals.add(UNIX_HOP)
        elif entry == "localhost":
            self._addresses.update(map(ip_address, _LOOPBACK))
        elif "/" in entry:
            self._networks.append(_network(entry))
        elif _LITERAL.fullmatch(entry):
            self._literals.add(entry)
        else:
            self._addresses.add(unmapped(_address(entry)))


def _entries(hosts: str | Sequence[str]) -> Iterable[str]:
    texts = [hosts] if isinstance(hosts, str) else hosts
    entries = (entry.strip() for text in texts for entry in text.split(","))
    return [entry for entry in entries if entry]


def _address(entry: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(entry)
    except ValueError:
        raise UsageError(
            f"forwarded-allow-ips: {entry!r} is not an address (without a port), a network, 'unix' or '*'; "
            "names are not looked up"
        ) from None


def _network(entry: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(entry)
    except ValueError:
        pass
    try:
        meant = ip_network(entry, strict=False)
    except ValueError:
        raise UsageError(f"forwarded-allow-ips: {entry!r} is not a network such as 10.0.0.0/8 or fd00::/8") from None
    raise UsageError(f"forwarded-allow-ips: {entry!r} is an address within a network; the network is {meant}")
