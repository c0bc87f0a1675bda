"""What all connections of one server share: the application, its settings, and who is connected.

Knows no protocol. One context belongs to one event loop and one `Server` (or one `esg_http.start_server`). It ends in
two steps (rule L-2): after `announce_closing()` responses say `connection: close`; after `drain()` connections finish
what runs, and close. `wait_quiet()` tells when nothing runs any more. What works beside the connections does so from
`open()` to `close()`.
"""

import asyncio
import logging
import os
import sys
from asyncio import Task
from collections.abc import Callable, Mapping
from contextvars import Context as ContextVars
from typing import TYPE_CHECKING, Any

from esg_core.asgi import Application, Headers, Scope
from esg_core.deadlines import Sweeper
from esg_core.proxy.trust import TrustedProxies
from esg_core.turns import TurnBudget
from esg_core.waiting import Waiters

if TYPE_CHECKING:
    from esg_core.access import AccessLog
    from esg_core.contracts import Connection, Cycle
    from esg_core.options.config import Config
    from esg_core.overload.admission import Admission
    from esg_core.overload.backpressure import Backpressure
    from esg_core.overload.health import Health

ResponseHook = Callable[[Scope | None, int, Headers], tuple[int, Headers] | None]
"""Rule R-1: given (scope or None, status, headers), may return what is to be sent instead of status and headers."""

SAMPLE = 16
"""Of so many requests that hold a slot, one is timed."""

TASK_NAME = "esg-request"
"""One name for all tasks of requests: asyncio would format a number for each."""


class Context:
    """The shared state of one server; connections read it, the server's lifecycle changes it.

    `app` is a ready ASGI 3 callable (loaded, adapted). `state` is the lifespan's state, of which each request gets a
    shallow copy; `extensions` goes into the scope of every request. `budget` is what all connections together may do in
    one turn of the loop with what they are sent (rule H-22). `on_limit` is called once, when as many requests have
    begun as `limit_max_requests` allows. `admission` is None when nothing limits the running requests (rule A-1).
    """

    def __init__(self, config: "Config", app: Application, loop: asyncio.AbstractEventLoop) -> None:
        self.config = config
        self.app = app
        self.loop = loop
        self.logger = logging.getLogger("esg.error")
        self.state: dict[str, Any] = {}
        self.access: AccessLog | None = None
        self.on_response: ResponseHook | None = None
        self.health: Health | None = None
        self.admission: Admission | None = None
        self.backpressure: Backpressure | None = None
        self.trust = TrustedProxies(config.forwarded_allow_ips) if config.proxy_headers else None
        self.upgrades: Mapping[bytes, Application] = {}
        self.extensions: dict[str, Any] = {"esg.shutdown": {"wait": self.wait_draining}}
        self.connections: set[Connection] = set()
        self.cycles: set[Cycle] = set()
        self.requests = 0
        self.request_limit = _request_limit(config)
        self._next_look = 1
        self.on_limit: Callable[[], None] = _nothing
        self.ready = False
        self.closing = False
        self.draining = False
        self.patient = False
        self._quiet = Waiters(loop)
        self._drained = Waiters(loop)
        self.budget = TurnBudget(loop.call_soon)
        self.sweeper = Sweeper(loop, shortest=config.shortest_timeout)
        self.began_at = loop.time()
        self.process = os.getpid()
        self._task_settings: dict[str, Any] = {"loop": loop, "name": TASK_NAME}
        self._has_fresh_variables = config.reset_contextvars

    def open(self) -> None:
        """Connections may come: the server is ready."""
        self.ready = True
        if self.backpressure is not None:
            self.backpressure.start()

    def close(self) -> None:
        """Nothing comes any more, and nothing works any more; may be called twice."""
        self.sweeper.close()
        if self.backpressure is not None:
            self.backpressure.stop()

    def start(self, cycle: "Cycle", app: Application) -> None:
        """Run the application for one request, in a task of its own."""
        self.cycles.add(cycle)
        run = cycle.run(app)
        if self._has_fresh_variables:
            cycle.task = Task(run, context=ContextVars(), **self._task_settings)
        else:
            cycle.task = Task(run, **self._task_settings)
        self.requests += 1
        if self.requests >= self._next_look:
            self._look(cycle)

    def _look(self, cycle: "Cycle") -> None:
        """The number of requests is one at which something is due; `cycle` is the one that has just begun."""
        if self.requests >= self.request_limit:
            self.limit_reached()
        self._next_look = self.request_limit
        if self.admission is not None:
            self.admission.time(cycle)
            self._next_look = min(self.request_limit, self.requests + SAMPLE)

    def limit_reached(self) -> None:
        """The request that has just begun is the last one that `request_limit` allows (rule L-4)."""
        self.request_limit = sys.maxsize
        self.on_limit()

    def announce_closing(self) -> None:
        """The server is about to stop: not ready any more, and each response tells its client not to come back."""
        self.ready = False
        self.closing = True

    def drain(self, *, patient: bool = False) -> None:
        """Tell every connection to finish and close (rule L-2).

        `patient`: one that has not asked for anything yet may still do so, until this is called again without.
        """
        self.patient = patient
        self.announce_closing()
        self.draining = True
        self._drained.wake()
        for connection in list(self.connections):
            connection.drain()
        if self.admission is not None:
            self.admission.drain()

    async def wait_draining(self) -> None:
        """Return once the server drains: what `scope["extensions"]["esg.shutdown"]["wait"]` is (rule L-3)."""
        if not self.draining:
            await self._drained.wait()

    async def wait_quiet(self) -> None:
        """Return once no connection is open and no application call runs."""
        while self.connections or self.cycles:
            await self._quiet.wait()

    def left(self) -> None:
        """Called by a connection or cycle that has just left its set while the server drains."""
        if not self.connections and not self.cycles:
            self._quiet.wake()


def _request_limit(config: "Config") -> int:
    if config.limit_max_requests is None:
        return sys.maxsize
    import random  # takes longer to import than all the rest here

    return config.limit_max_requests + random.SystemRandom().randint(0, config.limit_max_requests_jitter)


def _nothing() -> None:
    """What happens at the limit of requests when nobody has asked to be told."""
