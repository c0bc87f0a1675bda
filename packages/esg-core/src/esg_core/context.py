"""What all connections of one server share: the application, its settings, and who is connected.

Knows no protocol. One context belongs to one event loop and one `Server` (or one `esg_http.start_server`).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from esg_core.asgi import Application, Headers, Scope
from esg_core.deadlines import Sweeper

if TYPE_CHECKING:
    from esg_core.access import AccessLog
    from esg_core.config import Config
    from esg_core.contracts import Connection, Cycle, Upgrade
    from esg_core.forwarded import Trust

ResponseHook = Callable[[Scope | None, int, Headers], tuple[int, Headers] | None]
"""Rule R-1: given (scope or None, status, headers), may return what is to be sent instead of status and headers."""


class Context:
    """The shared state of one server; connections read it, the server's lifecycle changes it.

    `app` is a ready ASGI 3 callable (loaded, adapted). `state` is the lifespan's state: each request gets a shallow copy.
    """

    def __init__(self, config: "Config", app: Application, loop: asyncio.AbstractEventLoop) -> None:
        self.config = config
        self.app = app
        self.loop = loop
        self.logger = logging.getLogger("esg.error")
        self.state: dict[str, Any] = {}
        self.access: AccessLog | None = None
        self.on_response: ResponseHook | None = None
        self.trust: Trust | None = None
        self.upgrades: Mapping[str, Upgrade] = {}
        self.connections: set[Connection] = set()
        self.cycles: set[Cycle] = set()
        self.requests = 0
        self.draining = False
        self.ready = False
        self._quiet: list[asyncio.Future[None]] = []
        self._drain_waiters: list[asyncio.Future[None]] = []
        self.sweeper = Sweeper(loop, shortest=config.shortest_timeout)

    def drain(self) -> None:
        """Tell every connection to finish and close (rule L-2); connections made later drain at once."""
        self.draining = True
        for waiter in self._drain_waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._drain_waiters.clear()
        for connection in list(self.connections):
            connection.drain()

    async def wait_draining(self) -> None:
        """Return once the server drains: what `scope["extensions"]["esg.shutdown"]["wait"]` is (rule L-3)."""
        if not self.draining:
            waiter = self.loop.create_future()
            self._drain_waiters.append(waiter)
            await waiter

    async def wait_quiet(self) -> None:
        """Return once no connection is open and no application call runs."""
        while self.connections or self.cycles:
            waiter = self.loop.create_future()
            self._quiet.append(waiter)
            await waiter

    def left(self) -> None:
        """Called by a connection or cycle that has just left its set while the server drains."""
        if self._quiet and not self.connections and not self.cycles:
            for waiter in self._quiet:
                if not waiter.done():
                    waiter.set_result(None)
            self._quiet.clear()


__all__ = ["Context", "ResponseHook"]
