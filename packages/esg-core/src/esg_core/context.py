"""What all connections of one server share: the application, its settings, and the set of connections.

Knows no protocol. One context belongs to one event loop and one `Server` (or one `esg_http.start_server`). It ends in
two steps (rule L-2): after `announce_closing()` responses say `connection: close`; after `drain()` connections finish
what runs, and close. `wait_quiet()` returns when nothing runs. Background work runs from `open()` to `close()`.
"""

import asyncio
import logging
import math
import os
from asyncio import Task
from collections.abc import Callable, Mapping
from contextvars import Context as ContextVars
from typing import TYPE_CHECKING, Any

from esg_core.asgi import Application, Headers, Scope
from esg_core.calls.deadlines import CallDeadlines
from esg_core.calls.direct import DirectCalls
from esg_core.deadlines import Sweeper
from esg_core.figures.labels import HANDSHAKE_RESULTS
from esg_core.proxy.trust import TrustedProxies
from esg_core.turns import TurnBudget
from esg_core.waiting import Waiters

if TYPE_CHECKING:
    from esg_core.access import AccessLog
    from esg_core.contracts import Connection, ConnectionWatch, Cycle
    from esg_core.figures.quic import QuicFigures
    from esg_core.figures.tally import Tally
    from esg_core.header_fields import Alternatives
    from esg_core.options.config import Config
    from esg_core.overload.admission import Admission
    from esg_core.overload.backpressure import Backpressure
    from esg_core.overload.health import Health

ResponseHook = Callable[[Scope | None, int, Headers], tuple[int, Headers] | None]
"""Rule R-1: called with (scope or None, status, headers); may return the status and headers to send instead."""

SAMPLE = 16
"""One of this many requests that hold a slot is timed."""

TASK_NAME = "esg-request"
"""One name for the tasks of all requests: asyncio would format a number for each."""


class Context:
    """The shared state of one server; connections read it, the server's lifecycle changes it.

    `app` is an ASGI 3 callable, loaded and adapted. `state` is the lifespan state, of which each request gets a shallow
    copy; `extensions` goes into the scope of every request. `budget` limits how much input all connections together
    process in one turn of the loop (rule H-22). `on_limit` is called once, when as many requests have begun as
    `limit_max_requests` allows; `on_failure` with each failure of the application. `admission` is None when nothing
    limits the running requests (rule A-1), `tally` when nothing is counted (rule M-1), `clients` when nothing limits
    the connections of each (rule A-11), `call_deadlines` when a call may take any time (rules H-24, H-25),
    `alternatives` when responses have no other protocol to name (rule Q-17). `handshakes` counts those of TLS by their
    result, `quic` is what QUIC counts, None without it.
    """

    quic: "QuicFigures | None" = None

    def __init__(self, config: "Config", app: Application, loop: asyncio.AbstractEventLoop) -> None:
        self.config = config
        self.app = app
        self.loop = loop
        self.time = loop.time  # one bound method for all connections
        self.logger = logging.getLogger("esg.error")
        self.state: dict[str, Any] = {}
        self.access: AccessLog | None = None
        self.on_response: ResponseHook | None = None
        self.health: Health | None = None
        self.admission: Admission | None = None
        self.tally: Tally | None = None
        self.clients: ConnectionWatch | None = None
        self.alternatives: Alternatives | None = None
        self.handshakes = dict.fromkeys(HANDSHAKE_RESULTS, 0)
        self.backpressure: Backpressure | None = None
        self.trust = TrustedProxies(config.forwarded_allow_ips) if config.proxy_headers else None
        self.upgrades: Mapping[bytes, Application] = {}
        self.extensions: dict[str, Any] = {"esg.shutdown": {"wait": self.wait_draining}, "esg.drop": {}}
        self.connections: set[Connection] = set()
        self.cycles: set[Cycle] = set()
        self.requests = 0
        self.request_limit = _request_limit(config)
        self._next_look: float = 1
        self._on_next_start: list[Callable[[], None]] = []
        self.on_limit: Callable[[], None] = _nothing
        self.on_failure: Callable[[BaseException], None] = _log_is_enough
        self.ready = False
        self.closing = False
        self.draining = False
        self.patient = False
        self._quiet = Waiters(loop)
        self._drained = Waiters(loop)
        self.budget = TurnBudget(loop.call_soon, loop.time)
        self.sweeper = Sweeper(loop, shortest=config.shortest_timeout)
        self.began_at = loop.time()
        self.process = os.getpid()
        self._task_settings: dict[str, Any] = {"loop": loop, "name": TASK_NAME}
        self.call_deadlines = CallDeadlines.of(self, config)
        # Only a task can be cancelled.
        self._direct = DirectCalls.of(app, loop, config) if self.call_deadlines is None else None
        self._is_plain = self._direct is None and not config.reset_contextvars

    def open(self) -> None:
        """Mark the server as ready, and start background work."""
        self.ready = True
        if self.backpressure is not None:
            self.backpressure.start()

    def close(self) -> None:
        """Stop background work; may be called twice."""
        self.sweeper.close()
        if self.backpressure is not None:
            self.backpressure.stop()

    def start(self, cycle: "Cycle", app: Application) -> None:
        """Run the application for one request: in a new task, if it needs one."""
        self.cycles.add(cycle)
        if self._is_plain:
            cycle.task = Task(cycle.run(app), **self._task_settings)
        elif self._direct is not None and app is self._direct.app and cycle.body_complete:
            self._direct.add(cycle)
        else:
            self.run_in_task(cycle, app)
        self.requests += 1
        if self.requests >= self._next_look:
            self._look(cycle)

    def run_in_task(self, cycle: "Cycle", app: Application) -> None:
        """Call the application, or what it has left to do, in a new task."""
        variables = ContextVars() if self.config.reset_contextvars else None
        cycle.task = Task(cycle.run(app), context=variables, **self._task_settings)

    def task_of(self, cycle: "Cycle") -> "Task[None]":
        """The task of a request that has begun; one without a task goes on in a new one."""
        if self._direct is not None and getattr(cycle, "task", None) is None:
            cycle.direct.go_on_in_task()
        return cycle.task

    def tasks(self) -> "list[Task[None]]":
        """The tasks of all requests that run."""
        if self._direct is not None:
            self._direct.begin_all()
        return [self.task_of(cycle) for cycle in self.cycles]

    def withdraw(self, cycle: "Cycle") -> bool:
        """Forget a request that is to begin at the end of this turn; returns whether it was one."""
        return self._direct is not None and self._direct.withdraw(cycle)

    def call_at_next_start(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, when the next request begins: those that follow cost nothing more."""
        self._on_next_start.append(callback)
        self._next_look = self.requests + 1

    def _look(self, cycle: "Cycle") -> None:
        """Do what is due at this number of requests; `cycle` is the request that has just begun."""
        if self._on_next_start:
            on_start, self._on_next_start = self._on_next_start, []
            for callback in on_start:
                callback()
        if self.requests >= self.request_limit:
            self.limit_reached()
        if self.admission is None:
            self._next_look = self.request_limit
        else:
            self.admission.time(cycle)
            self._next_look = min(self.request_limit, self.requests + SAMPLE)
        if self.tally is not None:
            self._next_look = min(self._next_look, self.tally.has_begun(self.requests))

    def limit_reached(self) -> None:
        """Call `on_limit`: the request that has just begun is the last one allowed (rule L-4)."""
        self.request_limit = math.inf
        self.on_limit()

    def announce_closing(self) -> None:
        """Announce the end of the server: readiness fails, and each response tells its client to close."""
        self.ready = False
        self.closing = True
        if self.alternatives is not None:
            self.alternatives.withdraw()

    def open_streams(self, protocol: str) -> int:
        """How many streams the connections of a protocol have, such as `HTTP/2`; may be called in any thread."""
        connections = list(self.connections)
        return sum(getattr(one, "streams", 0) for one in connections if getattr(one, "protocol_name", "") == protocol)

    def drain(self, *, patient: bool = False) -> None:
        """Tell every connection to finish and close (rule L-2). May be called again.

        With `patient`, a connection that has sent no request yet may still do so, until this is called again without.
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
        """Return once the server drains; it is `scope["extensions"]["esg.shutdown"]["wait"]` (rule L-3)."""
        if not self.draining:
            await self._drained.wait()

    async def wait_quiet(self) -> None:
        """Return once no connection is open and no application call runs."""
        while self.connections or self.cycles:
            await self._quiet.wait()

    def join(self, connection: "Connection") -> None:
        """Take in a connection that has been made, with its deadline set."""
        self.connections.add(connection)
        self.sweeper.add(connection)
        if self.clients is not None:
            self.clients.join(connection)

    def leave(self, connection: "Connection") -> None:
        """Let go of a connection that has been lost, or has handed its transport over."""
        self.connections.discard(connection)
        self.sweeper.discard(connection)
        if self.clients is not None:
            self.clients.leave(connection)
        if self.draining:
            self.left()

    def left(self) -> None:
        """Called when a connection or cycle has left its set while the server drains."""
        if not self.connections and not self.cycles:
            self._quiet.wake()


def _request_limit(config: "Config") -> float:
    if config.limit_max_requests == math.inf:
        return math.inf
    import random  # slower to import than everything else here

    return config.limit_max_requests + random.SystemRandom().randint(0, config.limit_max_requests_jitter)


def _nothing() -> None:
    """The default of `on_limit`."""


def _log_is_enough(error: BaseException) -> None:
    """The default of `on_failure`."""
