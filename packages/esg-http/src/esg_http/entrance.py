"""What becomes of a request whose head has come: the server answers itself, or it starts, waits, or is refused.

Shared by all HTTP versions. Knows the context and cycles, no bytes and no connections. The order is the rule: health
(A-8), which nothing can keep from being answered, then admission (A-1).
"""

from typing import TYPE_CHECKING

from esg_core.asgi import Application, Headers
from esg_http.scope import read_target

if TYPE_CHECKING:
    from esg_core.admission import Admission
    from esg_core.context import Context
    from esg_http.cycle import Cycle

REFUSAL_BODY = b"Service Unavailable"

REFUSAL: Headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"1")]
"""What the header of a 503 says, beside its length."""


def answer_health(context: "Context", cycle: "Cycle") -> bool:
    """Answer a request for liveness or readiness; whether it was one. It is not logged."""
    if context.health is None:
        return False
    answer = context.health.answer(read_target(cycle.target).path, cycle.scope["method"], context.ready)
    if answer is None:
        return False
    cycle.logged = False
    cycle.answer(*answer)
    return True


def refuse(cycle: "Cycle") -> None:
    """Answer a request that there is no room for (rule A-3); the application never hears of it."""
    cycle.answer(503, REFUSAL, REFUSAL_BODY)


def admit(context: "Context", cycle: "Cycle", app: Application) -> None:
    """Start a request, let it wait for its turn, or refuse it.

    Whether it waits, `cycle.is_waiting` tells. Meanwhile its connection has to go on reading, within bounds, so that it
    sees its client leave.
    """
    admission = context.admission
    if admission is None:
        context.start(cycle, app)
    elif admission.enter():
        cycle.hold(admission, admission.begin())
        context.start(cycle, app)
    else:
        waiting = Waiting(context, admission, cycle, app)
        if admission.wait(waiting):
            cycle.hold(waiting, 0)
        else:
            refuse(cycle)


class Waiting:
    """A request in the line: the `Place` of its cycle, and a `Waiter` for the admission."""

    __slots__ = ("_admission", "_app", "_came_at", "_context", "_cycle")

    is_waiting = True

    def __init__(self, context: "Context", admission: "Admission", cycle: "Cycle", app: Application) -> None:
        self._context = context
        self._admission = admission
        self._cycle = cycle
        self._app = app
        self._came_at = context.loop.time()

    def release(self, _since: float) -> None:
        """As `Place.release`: its client is gone, or its body came too late."""
        self._admission.leave(self)

    def admit(self) -> None:
        """As `Waiter.admit`."""
        self._cycle.hold(self._admission, self._came_at)
        self._context.start(self._cycle, self._app)

    def refuse(self) -> None:
        """As `Waiter.refuse`."""
        self._cycle.place = None
        refuse(self._cycle)


__all__ = ["admit", "answer_health", "refuse"]
