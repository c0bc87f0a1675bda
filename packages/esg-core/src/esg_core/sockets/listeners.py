"""The listeners of one server: each accepted connection gets a new protocol, over TLS if so configured.

Knows no protocol: `factory` makes one for each connection. `esg_core.sockets.acceptor` accepts connections.
"""

import asyncio
import errno
import logging
import math
import socket
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from esg_core.sockets.acceptor import Acceptor
from esg_core.sockets.bound import BoundSocket
from esg_core.sockets.ends import shut_down
from esg_core.sockets.failed_handshake import log_failed_handshake

if TYPE_CHECKING:
    from esg_core.sockets.datagrams import Datagrams
    from esg_core.sockets.handshakes import Handshakes

if sys.platform != "win32":
    import resource  # at once: once descriptors have run out, nothing can be imported

WARN_EVERY = 30.0
"""Seconds between two warnings that accepting pauses, however often it does."""


AFTER_READING = 0.001
"""Seconds in which the loop looks at its sockets: libuv runs a timer that is late before it reads what has come."""


class Listeners:
    """The bound sockets of one server, from `start()` to `close()`, and the UDP sockets beside them."""

    def __init__(
        self,
        bound: Sequence[BoundSocket],
        factory: Callable[[], asyncio.BaseProtocol],
        handshakes: "Handshakes | None" = None,
        datagrams: "Datagrams | None" = None,
    ) -> None:
        self._factory = factory
        self._handshakes = handshakes
        self._datagrams = datagrams
        self._loop = asyncio.get_running_loop()
        self._logger = logging.getLogger("esg.error")
        self._acceptors = [Acceptor(one, self._open, self._warn) for one in bound]
        self._opening: set[asyncio.Task[None]] = set()
        self._warn_at = -math.inf

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; none after `close()`."""
        return tuple(acceptor.bound.sock for acceptor in self._acceptors)

    @property
    def is_opening(self) -> bool:
        """Whether any connection has no protocol yet."""
        return bool(self._opening) or (self._datagrams is not None and self._datagrams.is_opening)

    def start(self, backlog: int) -> None:
        """Listen and accept; raises `StartupError` if another program listens on an address meanwhile."""
        for acceptor in self._acceptors:
            acceptor.start(backlog)
        if self._datagrams is not None:
            self._datagrams.start()

    async def close(self) -> None:
        """Stop listening; connections in the kernel's queues are accepted first. May be called twice."""
        if self._datagrams is not None:
            self._datagrams.refuse()
        acceptors, self._acceptors = self._acceptors, []
        for acceptor in acceptors:
            await acceptor.stop()

    def close_datagrams(self) -> None:
        """Close the UDP sockets, which connections need to their very end. May be called twice."""
        if self._datagrams is not None:
            self._datagrams.close()

    def unlink(self) -> None:
        """Remove the UNIX socket files that ESG made: this must not be skipped when the process is ended by force."""
        for acceptor in self._acceptors:
            acceptor.bound.unlink()

    async def settle(self, patience: float) -> None:
        """Wait until each accepted connection has its protocol; a TLS handshake has `patience` seconds for it.

        Handshakes whose next step waits for its turn are not late: the server has not got to them yet.
        """
        while self._opening:
            await asyncio.wait(self._opening, timeout=patience)
            await asyncio.sleep(AFTER_READING)
            if not patience or self._handshakes is None or not self._handshakes.are_waiting:
                break
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        if self._datagrams is not None:
            await self._datagrams.settle(patience)

    def _open(self, connection: socket.socket) -> None:
        task = self._loop.create_task(self._connect(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, connection: socket.socket) -> None:
        peer: object = None
        try:
            if self._handshakes is None:
                await self._loop.connect_accepted_socket(self._factory, connection)
            else:
                peer = connection.getpeername()  # not known after a failure
                await self._handshakes.accept(connection, self._factory)
        except OSError as error:
            log_failed_handshake(error, peer)
        except Exception:
            if connection.fileno() >= 0:
                shut_down(connection.fileno())
            connection.close()
            self._logger.exception("a connection could not be set up")

    def _warn(self, error: OSError) -> None:
        """Log that accepting pauses, on one socket or on all."""
        if self._loop.time() >= self._warn_at:
            self._warn_at = self._loop.time() + WARN_EVERY
            self._logger.warning("accepting pauses: %s%s", error.strerror, _limit(error))


def _limit(error: OSError) -> str:
    """The limit that was reached, if it can be known."""
    if error.errno != errno.EMFILE or sys.platform == "win32":
        return ""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"; the limit of this process is {soft}" + (f", and may be raised up to {hard}" if hard != soft else "")
