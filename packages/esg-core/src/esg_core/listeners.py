"""Accepts connections on bound sockets and gives each to a new protocol, on any event loop.

ESG accepts by itself instead of by `loop.create_server()` because of what happens when descriptors run out (rule H-20):
libuv then closes the clients that wait, and asyncio logs a traceback for every place in the backlog. Here accepting
pauses, with one warning, until there are descriptors again. And whoever the kernel has let in already is still served
when the listener is closed (rule L-2).

Knows no protocol: `factory` makes one for each connection.
"""

import asyncio
import errno
import logging
import math
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from typing import Any

if sys.platform != "win32":
    import resource  # at once: when descriptors have run out, nothing can be imported

from esg_core.contracts import ProtocolFactory
from esg_core.sockets import BoundSocket, close_all

BATCH = 64
"""Connections that are accepted before others get their turn."""

PAUSE = 0.5
"""Seconds until the next try to accept after descriptors have run out."""

WARN_EVERY = 30.0
"""Seconds between two warnings that accepting pauses, however often it does."""

GONE = (
    errno.ECONNABORTED,
    errno.EPERM,
    errno.EPROTO,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.EOPNOTSUPP,
    errno.ENOPROTOOPT,
)
"""Errors of `accept()` that are about one client: see accept(2). All others are about this process or the system."""


class TLSOptions:
    """How accepted connections speak TLS; the time for a handshake is in seconds, None for no limit."""

    def __init__(self, context: ssl.SSLContext, handshake_timeout: float | None) -> None:
        self.arguments = {"ssl": context, "ssl_handshake_timeout": handshake_timeout or math.inf}


class Listeners:
    """The sockets of one server, from `start()` to `close()`."""

    def __init__(self, bound: Sequence[BoundSocket], factory: ProtocolFactory, tls: TLSOptions | None = None) -> None:
        self.bound = list(bound)
        self._factory = factory
        self._arguments: dict[str, Any] = {} if tls is None else tls.arguments
        self._loop = asyncio.get_running_loop()
        self._logger = logging.getLogger("esg.error")
        self._accepting: list[asyncio.Task[None]] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._warn_at = -math.inf
        self._backlog = 0

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The sockets that are listened on; none after `close()`."""
        return tuple(one.sock for one in self.bound)

    def start(self, backlog: int) -> None:
        """Listen and accept; raises `StartupError` if another program listens on an address by now."""
        self._backlog = backlog
        for one in self.bound:
            one.listen(backlog)
        self._accepting = [self._loop.create_task(self._accept(one.sock)) for one in self.bound]

    async def close(self) -> None:
        """Stop listening; connections that wait in the queues of the kernel are accepted first. May be called twice."""
        await _cancel(self._accepting)
        self._accepting = []
        bound, self.bound = self.bound, []
        for one in bound:
            one.unlink()
            if self._backlog:
                self._take_waiting(one.sock)
        close_all(bound)

    def unlink(self) -> None:
        """Remove the files of UNIX sockets that ESG made: what must not be left out when the process ends by force."""
        for one in self.bound:
            one.unlink()

    async def settle(self, patience: float) -> None:
        """Wait until each accepted connection has its protocol; a TLS handshake has so many seconds for it."""
        if self._opening:
            await asyncio.wait(self._opening, timeout=patience)
        await _cancel(list(self._opening))

    async def _accept(self, sock: socket.socket) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(sock)
                self._open(connection)
                for another in _waiting(sock, BATCH):
                    self._open(another)
            except OSError as error:
                await self._recover(error)
            except Exception:
                self._logger.exception("accepting pauses because of an error that nobody expected")
                await asyncio.sleep(PAUSE)
            await asyncio.sleep(0)

    def _take_waiting(self, sock: socket.socket) -> None:
        try:
            for connection in _waiting(sock, self._backlog):
                self._open(connection)
        except OSError as error:
            self._logger.warning("could not accept those who were waiting: %s", error.strerror)

    async def _recover(self, error: OSError) -> None:
        """A client that has gone meanwhile is no reason to wait; a lack of descriptors is."""
        if error.errno in GONE:
            return
        if self._loop.time() >= self._warn_at:
            self._warn_at = self._loop.time() + WARN_EVERY
            self._logger.warning("accepting pauses: %s%s", error.strerror, _limit(error))
        await asyncio.sleep(PAUSE)

    def _open(self, connection: socket.socket) -> None:
        task = self._loop.create_task(self._connect(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, connection, **self._arguments)
        except OSError as error:
            self._logger.debug("a client went or failed before it was connected: %s", error)
        except Exception:
            connection.close()
            self._logger.exception("a connection could not be set up")


def _waiting(sock: socket.socket, most: int) -> Iterator[socket.socket]:
    """The connections that can be accepted right now."""
    for _ in range(most):
        try:
            connection, _ = sock.accept()
        except (BlockingIOError, InterruptedError):
            return
        connection.setblocking(False)
        yield connection


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _limit(error: OSError) -> str:
    """What the limit is that was hit, where that can be known."""
    if error.errno != errno.EMFILE or sys.platform == "win32":
        return ""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"; the limit of this process is {soft}" + (f", and may be raised up to {hard}" if hard != soft else "")


__all__ = ["BATCH", "PAUSE", "WARN_EVERY", "Listeners", "TLSOptions"]
