"""The sockets of the admin address: accepts clients, moves their bytes, and keeps the time for them (rule M-3).

Knows neither what is asked nor what is answered, which is the responder's. It waits for nothing: a selector that
belongs to the caller's loop says when to call it, so the parent of workers serves it beside everything else.
"""

import contextlib
import errno
import math
import selectors
import socket
import time
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from esg_core.admin.contracts import Peer, Responder
from esg_core.monitoring.client import AdminClient, FailureLog
from esg_core.sockets.bound import BoundSocket

MOST_CLIENTS = 16
"""Connections at a time; one more is closed at once."""

BACKLOG = 16

ACCEPT_PAUSE = 0.5
"""Seconds until the next try to accept after descriptors have run out."""

TICK = 1.0
"""Seconds between two ticks of a stream."""

OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Errors of `accept()` that stay until the process or the system has room again."""


class AdminListener:
    """Serves the clients of the bound sockets with `responder`, which may be replaced for those that come later.

    The owner of the selector calls the `data` of each key that is ready with its `fileobj`, then `run_due()`, and waits
    no longer than until `wakes_at()`.
    """

    def __init__(self, bound: Sequence[BoundSocket], responder: Responder, selector: selectors.BaseSelector) -> None:
        self.responder = responder
        self._bound = list(bound)
        self._selector = selector
        self._clients: set[AdminClient] = set()
        self._failures = FailureLog()
        self._resumes_at = math.inf
        self._ticks_at = math.inf
        for one in self._bound:
            one.listen(BACKLOG)
        self._watch()

    @property
    def wakes_at(self) -> float:
        """When `run_due()` has to be called even if nothing happens; `math.inf` without clients."""
        return min([client.wakes_at for client in self._clients] + [self._resumes_at, self._ticks_at])

    def run_due(self, now: float) -> None:
        """Do what is due at this time, and write what clients are to get."""
        if now >= self._resumes_at:
            self._resumes_at = math.inf
            self._watch()
        if now >= self._ticks_at:
            for client in self._clients:
                client.tick()
        for client in list(self._clients):
            if not client.run_due(now):
                self._clients.discard(client)
        has_streams = any(client.is_stream for client in self._clients)
        if not has_streams:
            self._ticks_at = math.inf
        elif not now < self._ticks_at < math.inf:
            self._ticks_at = now + TICK

    def close(self) -> None:
        """Close everything, after a last try to write, and remove the files of UNIX sockets."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._stop_accepting()

    def hand_over(self) -> None:
        """Leave new clients, and streams, to another process; those that are here already get their answers."""
        for client in [client for client in self._clients if client.is_stream]:
            client.close()
            self._clients.discard(client)
        for one in self._bound:
            one.keep_file()
            one.is_own = False  # shutting the socket down would end it for the other process too
        self._stop_accepting()

    def _stop_accepting(self) -> None:
        for one in self._bound:
            self._unwatch(one.sock)
            one.close()
        self._bound.clear()
        self._resumes_at = math.inf

    def leave_to_parent(self) -> None:
        """In a forked process: close the descriptors, and change nothing that the parent still uses."""
        for client in self._clients:
            client.sock.close()
        for one in self._bound:
            one.sock.close()

    # Accepting.

    def _watch(self) -> None:
        for one in self._bound:
            self._selector.register(one.sock, selectors.EVENT_READ, self._accept)

    def _unwatch(self, sock: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(sock)

    def _accept(self, listening: socket.socket) -> None:
        """Accept the next client, unless there are too many."""
        try:
            sock, _ = listening.accept()
        except OSError as error:
            if error.errno in OUT_OF_RESOURCES:
                self._pause()
            return
        if len(self._clients) >= MOST_CLIENTS:
            sock.close()
            return
        self._clients.add(AdminClient(sock, self.responder, peer_of(sock), self._selector, self._failures))

    def _pause(self) -> None:
        for one in self._bound:
            self._unwatch(one.sock)
        self._resumes_at = time.monotonic() + ACCEPT_PAUSE


def peer_of(sock: socket.socket) -> Peer:
    """Where a client of this connection comes from; one whose end cannot be told counts as far away."""
    try:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            return Peer.LOOPBACK if _is_loopback(sock.getpeername()[0]) else Peer.OTHER
        name = sock.getsockname()
    except OSError:
        return Peer.OTHER
    has_file = isinstance(name, str) and bool(name)  # an abstract name, in bytes, has no permissions
    return Peer.UNIX if has_file else Peer.OTHER


def _is_loopback(host: str) -> bool:
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback
