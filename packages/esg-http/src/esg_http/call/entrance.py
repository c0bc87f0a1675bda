"""What happens to a request once its head is read: the server answers it, starts it, queues it or refuses it.

Shared by all HTTP versions. Knows the context and cycles, no bytes and no connections. The order matters: health first
(A-8), because it must always be answered, then `limit-concurrency` (H-18), then admission (A-1).
"""

import math
from typing import TYPE_CHECKING, Self

from esg_core.access.escaping import client_text
from esg_core.asgi import Application, Headers
from esg_core.header_fields import PLAIN_TEXT
from esg_http.call.target import known_target

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.overload.admission import Admission, Place
    from esg_http.call.cycle import Cycle

REFUSAL_BODY = b"Service Unavailable"

REFUSAL: Headers = [PLAIN_TEXT, (b"retry-after", b"1")]
"""The fields of a 503, apart from its length."""

REFUSAL_AND_END: Headers = [*REFUSAL, (b"connection", b"close")]

OTHERS = 1024
"""How many targets are remembered as not being a health endpoint."""


class Entrance:
    """Decides about the requests of one context, if its configuration limits them or has health endpoints."""

    __slots__ = ("_admission", "_concurrency", "_context", "_health", "_others")

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._health = context.health
        self._others: set[bytes] = set()
        self._concurrency = context.config.limit_concurrency
        self._admission = context.admission

    @classmethod
    def of(cls, context: "Context") -> Self | None:
        """The entrance of a context; None if all requests simply start: `context.start()`."""
        keepers = (context.health, context.config.limit_concurrency, context.admission)
        return None if keepers == (None, math.inf, None) else cls(context)

    def call_limit(self) -> float:
        """How many calls may run when a request arrives on the connection that has just been made (limit-concurrency).

        0 if this connection exceeds the limit: then each of its requests takes a closer look.
        """
        return 0 if len(self._context.connections) > self._concurrency else self._concurrency

    def enter(self, cycle: "Cycle", app: Application, call_limit: float) -> bool:
        """Start a request, answer it, or let it wait; returns whether it waits.

        Meanwhile its connection must go on reading, within bounds, to notice that the client leaves. `call_limit` is
        that of its connection: see `call_limit()`.
        """
        context = self._context
        if cycle.target not in self._others and self._answers(cycle):
            return False
        if len(context.cycles) >= call_limit and self._refuses(cycle):
            return False
        admission = self._admission
        if admission is not None:
            running = admission.in_flight
            if running < admission.easy:
                admission.in_flight = running + 1
                cycle.place = admission
            elif not admission.enter(cycle):
                return self._waits(admission, cycle, app)
        context.start(cycle, app)
        return False

    def _refuses(self, cycle: "Cycle") -> bool:
        """Refuse a request if `limit-concurrency` calls are running, or there are more connections than that."""
        context, limit = self._context, self._concurrency
        if len(context.cycles) < limit and len(context.connections) <= limit:
            return False
        if context.tally is not None:
            context.tally.refusals["concurrency"] += 1
        client = client_text(cycle.scope["client"], "unix")
        context.logger.warning("limit-concurrency is reached: refused a request from %s", client)
        cycle.answer(503, REFUSAL_AND_END, REFUSAL_BODY)
        return True

    def _waits(self, admission: "Admission", cycle: "Cycle", app: Application) -> bool:
        """Let a request wait for a slot, or refuse it; returns whether it waits."""
        waiting = Waiting(self._context, admission, cycle, app)
        if admission.wait(waiting):
            cycle.place = waiting
            return True
        refuse(cycle)
        return False

    def _answers(self, cycle: "Cycle") -> bool:
        """Answer a request for liveness or readiness, neither logged nor counted; returns whether it was one."""
        health, answer = self._health, None
        if health is not None:
            answer = health.answer(known_target(cycle.target).path, cycle.scope["method"], self._context.ready)
        if answer is None:
            if len(self._others) >= OTHERS:
                self._others.clear()
            self._others.add(cycle.target)
            return False
        cycle.row = None
        cycle.answer(*answer)
        return True


def refuse(cycle: "Cycle") -> None:
    """Answer a request for which there is no room (rule A-3); the application never sees it."""
    cycle.answer(503, REFUSAL, REFUSAL_BODY)


class Waiting:
    """A request in the queue; see `esg_core.overload.admission.Place`, and see `esg_core.overload.admission.Waiter`."""

    __slots__ = ("_admission", "_app", "_context", "_cycle")

    is_waiting = True
    special = True
    in_flight = 0

    def __init__(self, context: "Context", admission: "Admission", cycle: "Cycle", app: Application) -> None:
        self._context = context
        self._admission = admission
        self._cycle = cycle
        self._app = app

    @property
    def connection(self) -> object:
        return self._cycle.connection

    def release(self) -> None:
        """Leave the queue: its client is gone, or its body came too late."""
        self._admission.leave(self)
        self._context.cycles.discard(self._cycle)  # it may have been expected there

    def admit(self, place: "Place") -> None:
        self._cycle.place = place
        self._context.start(self._cycle, self._app)

    def refuse(self) -> None:
        self._cycle.place = None
        self._context.cycles.discard(self._cycle)
        refuse(self._cycle)
