"""Parses addresses and hosts with an optional port, as header fields carry them.

Pure functions over text; knows no header and no socket. Malformed text gives None: these values come through proxies,
but any client may have written them.
"""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

Node = tuple[str, int]
"""A host and a port, as in `scope["client"]`; port 0 if none is known."""

LONGEST_ADDRESS = 64
"""Characters: an IPv6 address in brackets with a port takes 47, an obfuscated port (RFC 7239) a few more."""

LONGEST_HOST = 255 + 6
"""Characters: the longest name in DNS, and a port."""

_MAPPED = "::ffff:"

_PORT = re.compile(r"[0-9]{1,5}")
_HIDDEN_PORT = re.compile(r"_[A-Za-z0-9._\-]+")
_HOST = re.compile(r"([A-Za-z0-9._~\-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")


def parse_node(text: str) -> Node | None:
    """Parse an IP address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.

    The address comes back in its canonical form, so that equal addresses are equal texts; IPv4-mapped ones as IPv4.
    Zone identifiers (`%eth0`) are malformed here: outside the machine that wrote them they mean nothing.
    """
    return _parse_node(text) if len(text) <= LONGEST_ADDRESS else None


@lru_cache(maxsize=1024)
def _parse_node(text: str) -> Node | None:
    host, port = _split_port(text)
    number = _port_number(port)
    if number is None or "%" in host:
        return None
    try:
        return str(unmapped(_bracketed(host) if host[:1] == "[" else ip_address(host))), number
    except ValueError:
        return None


def _split_port(text: str) -> tuple[str, str | None]:
    """Split at the colon before the port; a bare IPv6 address has more than one colon and no port."""
    if text[:1] == "[":
        host, bracket, rest = text.partition("]")
        return host + bracket, rest[1:] if rest[:1] == ":" else (rest or None)
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None


def _port_number(port: str | None) -> int | None:
    if port is None or _HIDDEN_PORT.fullmatch(port):
        return 0
    if not _PORT.fullmatch(port) or int(port) > 65535:
        return None
    return int(port)


def _bracketed(host: str) -> IPv6Address:
    if host[-1] != "]":
        raise AddressValueError(host)
    return IPv6Address(host[1:-1])


def parse_host(text: str) -> Node | None:
    """Parse what a Host header may carry: a name, an IPv4 or a bracketed IPv6 address, with or without a port.

    Stricter than RFC 3986, because the result ends up in the URLs that applications build: letters, digits and `-._~`.
    An IPv6 address comes back without its brackets.
    """
    match = _HOST.fullmatch(text) if len(text) <= LONGEST_HOST else None
    if match is None:
        return None
    host, port = match[1], int(match[2] or 0)
    if port > 65535:
        return None
    try:
        return (str(_bracketed(host)) if host[0] == "[" else host), port
    except AddressValueError:
        return None


def unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address within an IPv4-mapped one (`::ffff:192.0.2.1`, as dual-stack sockets report), else itself.

    An address with a zone is not mapped: IPv4 has no zones.
    """
    if isinstance(address, IPv6Address) and address.scope_id is None:
        return address.ipv4_mapped or address
    return address


def shown(host: str) -> str:
    """The address of a socket's end as people write it: IPv4-mapped ones as IPv4, all others as they are."""
    return host[len(_MAPPED) :] if host.startswith(_MAPPED) and "." in host and "%" not in host else host
