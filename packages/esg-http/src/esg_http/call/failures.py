"""Logs how a call of the application failed, and ends the exchange (rule H-10)."""

import asyncio
from collections.abc import Coroutine
from inspect import CORO_CREATED, getcoroutinestate
from typing import TYPE_CHECKING

from esg_core.app.forked_children import end_if_forked
from esg_core.errors import ApplicationError, ClientDisconnected, tells_of_disconnect
from esg_http.call.phases import EXPECT_START

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_http.call.contracts import Call


def has_returned(context: "Context", cycle: "Call", result: object) -> None:
    """Handle an application that has returned a value, or without a complete response."""
    if result is not None:
        kind = type(result).__name__
        context.logger.error("the application returned %r; ASGI expects None (H-10): %s", kind, _line(cycle))
    if cycle.response_complete or cycle.client_gone or cycle.input_over:
        cycle.give_up()
        return
    when = "without a response" if cycle.phase == EXPECT_START else "before its response was complete"
    said = f"the application returned {when} (H-10): {_line(cycle)}"
    context.logger.error(said)
    context.on_failure(ApplicationError(said))
    cycle.fail()


def has_raised(context: "Context", cycle: "Call", error: BaseException) -> None:
    """Handle an exception of the application; one about its client having gone is not a failure."""
    end_if_forked(context, error)
    if cycle.input_over and _is_due_to_disconnect(cycle, error):
        context.logger.debug("%s ended the call, because its client has gone: %s", type(error).__name__, _line(cycle))
        cycle.give_up()
        return
    if isinstance(error, ClientDisconnected):
        cycle.fail()
        return
    if isinstance(error, asyncio.CancelledError) and context.draining:
        context.logger.error("cancelled a request that was still running: %s", _line(cycle))
    else:
        context.logger.error("exception in the application: %s", _line(cycle), exc_info=error)
        context.on_failure(error)
    cycle.fail()


def _is_due_to_disconnect(cycle: "Call", error: BaseException) -> bool:
    """Whether an error says only that the client has gone, or follows from an incomplete body."""
    is_told = isinstance(error, asyncio.CancelledError) or tells_of_disconnect(error)
    return is_told or not cycle.body_complete


def withdraw(context: "Context", cycle: "Call") -> bool:
    """Drop a call that has not started yet, because its client has gone; returns whether it was dropped."""
    call = cycle.task.get_coro()
    if not isinstance(call, Coroutine) or getcoroutinestate(call) != CORO_CREATED:
        return False
    cycle.task.cancel()
    context.cycles.discard(cycle)
    cycle.give_back()
    if context.draining:
        context.left()
    return True


def _line(cycle: "Call") -> str:
    return f"{cycle.scope.get('method', '-')} {cycle.target.decode('ascii', 'backslashreplace')}"
