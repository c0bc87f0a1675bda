"""The requests of one process as operators see them: what runs, oldest first, and what ended slowly or badly.

Reads cycles from another thread, between any two steps of theirs; whatever is not there yet is left empty.
"""

from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any

from esg_core.figures.ended import told

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.contracts import Cycle

MOST_REQUESTS = 500
"""Running requests that are listed; the oldest come first."""


def running_requests(context: "Context") -> list[dict[str, Any]]:
    """The calls whose response is not complete, oldest first: `RunningRequest`s without `worker` and `pid`."""
    now = perf_counter()
    found = [_running(cycle, now) for cycle in list(context.cycles) if not getattr(cycle, "response_complete", False)]
    found.sort(key=lambda one: one["seconds"], reverse=True)
    return list(islice(found, MOST_REQUESTS))


def ended_requests(context: "Context") -> list[dict[str, Any]]:
    """What the tally has kept, in the order of the ends: `EndedRequest`s without `worker` and `pid`."""
    return [] if context.tally is None else [dict(one) for one in list(context.tally.ended)]


def _running(cycle: "Cycle", now: float) -> dict[str, Any]:
    scope, target = getattr(cycle, "scope", {}), getattr(cycle, "target", b"")
    seconds = max(0.0, now - getattr(cycle, "started_at", now))
    return {**told(scope, target), "seconds": seconds, "phase": _phase(cycle)}


def _phase(cycle: "Cycle") -> str:
    if cycle.place is not None and cycle.place.is_waiting:
        return "queued"
    return "responding" if getattr(cycle, "response_started", False) else "running"
