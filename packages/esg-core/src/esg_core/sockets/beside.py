"""Binds UDP sockets beside TCP sockets, on the same addresses and ports (rule Q-10); each failure is one line.

Knows sockets, but neither event loop nor protocol.
"""

import logging
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from esg_core.errors import StartupError
from esg_core.options.addresses import TCPAddress
from esg_core.sockets.activation import own_sockets
from esg_core.sockets.bound import PORT_ATTEMPTS, BoundSocket, close_all, describe, explained

if TYPE_CHECKING:
    from esg_core.options.config import Config

BUFFER = 4 * 2**20
"""Bytes of a socket's buffers, as far as the system allows: its own default is too little for a burst."""


def own_with_datagrams(config: "Config") -> list[BoundSocket]:
    """New sockets for the addresses of the configuration, with UDP sockets beside them.

    A port that the system has chosen may be taken for UDP; then another is tried. Raises `UsageError` or
    `StartupError`.
    """
    may_change = any(isinstance(one, TCPAddress) and not one.port for one in config.addresses)
    for _ in range(PORT_ATTEMPTS - 1):
        try:
            return bind_beside(own_sockets(config))
        except StartupError:
            if not may_change:
                raise
    return bind_beside(own_sockets(config))


def bind_beside(bound: list[BoundSocket]) -> list[BoundSocket]:
    """Give each socket that ESG has bound a UDP socket beside it; raises `StartupError`, and closes all then.

    What another program has bound stays alone, and the log says so: it may be on an address that is not ours to use.
    """
    try:
        add_beside(bound)
    except BaseException:
        close_all(bound)
        raise
    return bound


def add_beside(bound: Iterable[BoundSocket]) -> None:
    """Do what `bind_beside()` does, but leave everything open on failure."""
    for one in bound:
        if one.is_of_parent:
            continue
        if one.is_tcp and (one.is_own or one.is_shared):
            one.beside = bind_udp(one.sock)
        else:
            logging.getLogger("esg.error").warning("HTTP/3 is not served on %s", _alone(one))


def _alone(one: BoundSocket) -> str:
    where = describe(one.sock)
    return f"{where}: its socket was opened by another program" if one.is_tcp else where


def bind_udp(beside: socket.socket, *, may_share: bool = False) -> socket.socket:
    """A UDP socket on the address and port of another one; raises `StartupError`.

    It has the port for itself, unless all that are bound to it `may_share` it.
    """
    with explained(f"{describe(beside)} (UDP)"):
        return _bind(beside, may_share)


def _bind(beside: socket.socket, may_share: bool) -> socket.socket:
    sock = socket.socket(beside.family, socket.SOCK_DGRAM)
    try:
        if may_share:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sock.family == socket.AF_INET6:
            only = beside.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        sock.bind(beside.getsockname())
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
