"""What counts as one client where connections are counted by address (rule A-11).

Knows addresses only.
"""

import socket

_MAPPED = bytes(10) + b"\xff\xff"
_TRANSLATED = bytes.fromhex("0064ff9b") + bytes(8)
"""What stands before an IPv4 address: mapped (RFC 4291 section 2.5.5.2), or translated (RFC 6052 section 2.1)."""

_SHARED_LINK = 0x3FA
"""The first ten bits of link-local addresses, which all hosts of a link have from one network."""


def client_of(host: str) -> str:
    """The client at an address: IPv6 by its /64, which one customer or host has for itself, all else by the address.

    An IPv6 address that holds an IPv4 address is the client at that, and a link-local one stands for itself. What is no
    address is returned as it is.
    """
    if ":" not in host:
        return host
    try:
        packed = socket.inet_pton(socket.AF_INET6, host)
    except (OSError, ValueError):
        return host
    if packed.startswith((_MAPPED, _TRANSLATED)):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    if int.from_bytes(packed[:2], "big") >> 6 == _SHARED_LINK:
        return host
    return f"{socket.inet_ntop(socket.AF_INET6, packed[:8] + bytes(8))}/64"
