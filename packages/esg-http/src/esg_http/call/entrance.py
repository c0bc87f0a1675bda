"""What becomes of a request whose head has come: the server answers itself, or it starts, waits, or is refused.

Shared by all HTTP versions. Knows the context and cycles, no bytes and no connections. The order is the rule: health
(A-8), which nothing can keep from being answered, then `limit-concurrency` (H-18), then admission (A-1).
"""

import sys
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
"""What the header of a 503 says, beside its length."""

REFUSAL_AND_END: Headers = [*REFUSAL, (b"connection", b"close")]

OTHERS = 1024
"""Targets that are remembered for being the application's."""


class Entrance:
    """Where the requests of one context come in, if its configuration has anything to say about that."""

    __slots__ = ("_admission", "_concurrency", "_context", "_health", "_others")

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._health = context.health
        self._others: set[bytes] = set()
        self._concurrency = context.config.limit_concurrency or sys.maxsize
        self._admission = context.admission

    @classmethod
    def of(cls, context: "Context") -> Self | None:
        """The entrance of a context, None if all requests just start: `context.start()`."""
        keepers = (context.health, context.config.limit_concurrency, context.admission)
        return None if keepers == (None, None, None) else cls(context)

    def call_limit(self) -> int:
        """How many calls may run when a request comes on the connection that has just been made (limit-concurrency).

        0 if there is one connection too many with it: then each of its requests is looked at more closely.
        """
        return 0 if len(self._context.connections) > self._concurrency else self._concurrency

    def enter(self, cycle: "Cycle", app: Application, call_limit: int) -> bool:
        """Start a request, answer it, or let it wait; whether it waits.

        While it does, its connection has to go on reading, within bounds, so that it sees its client leave.
        `call_limit` is its connection's: see `call_limit()`.
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
                return self._is_let_wait(admission, cycle, app)
        context.start(cycle, app)
        return False

    def _refuses(self, cycle: "Cycle") -> bool:
        """Refuse a request if there are as many calls as `limit-concurrency` allows, or more connections."""
        context, limit = self._context, self._concurrency
        if len(context.cycles) < limit and len(context.connections) <= limit:
            return False
        client = client_text(cycle.scope["client"], "unix")
        context.logger.warning("limit-concurrency is reached: refused a request of %s", client)
        cycle.answer(503, REFUSAL_AND_END, REFUSAL_BODY)
        return True

    def _is_let_wait(self, admission: "Admission", cycle: "Cycle", app: Application) -> bool:
        """Let a request for which there is no slot wait for one, or refuse it; whether it waits."""
        waiting = Waiting(self._context, admission, cycle, app)
        if admission.wait(waiting):
            cycle.place = waiting
            return True
        refuse(cycle)
        return False

    def _answers(self, cycle: "Cycle") -> bool:
        """Answer a request for liveness or readiness, which is not logged; whether it was one."""
        health, answer = self._health, None
        if health is not None:
            answer = health.answer(known_target(cycle.target).path, cycle.scope["method"], self._context.ready)
        if answer is None:
            if len(self._others) >= OTHERS:
                self._others.clear()
            self._others.add(cycle.target)
            return False
        cycle.logged = False
        cycle.answer(*answer)
        return True


def refuse(cycle: "Cycle") -> None:
    """Answer a request that there is no room for (rule A-3); the application never hears of it."""
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

    def release(self) -> None:
        """As `Place.release`: its client is gone, or its body came too late."""
        self._admission.leave(self)

    def admit(self, place: "Place") -> None:
        self._cycle.place = place
        self._context.start(self._cycle, self._app)

    def refuse(self) -> None:
        self._cycle.place = None
        refuse(self._cycle)
