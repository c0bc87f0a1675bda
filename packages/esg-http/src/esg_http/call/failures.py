"""Logs how a call of the application failed, and ends the exchange (rule H-10)."""

import asyncio
from collections.abc import Coroutine
from inspect import CORO_CREATED, getcoroutinestate
from typing import TYPE_CHECKING

from esg_core.app.forked_children import end_if_forked
from esg_core.calls.frames import innermost
from esg_core.errors import ApplicationError, ClientDisconnected, tells_of_disconnect
from esg_core.header_fields import PLAIN_TEXT
from esg_http.call.phases import EXPECT_START

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_http.call.contracts import Call

GATEWAY_TIMEOUT = b"Gateway Timeout"


def has_returned(context: "Context", cycle: "Call", result: object) -> None:
    """Handle an application that has returned a value, or without a complete response."""
    if result is not None:
        kind = type(result).__name__
        context.logger.error("the application returned %r; ASGI expects None (H-10): %s", kind, _line(cycle))
    if _was_late(context, cycle):
        return
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
    if _was_late(context, cycle):
        if not _is_due_to_disconnect(cycle, error):
            context.logger.error("exception in the application: %s", _line(cycle), exc_info=error)
            context.on_failure(error)
        return
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


def has_ended(context: "Context", cycle: "Call", error: BaseException | None = None) -> None:
    """Handle the end of a call that has no task, with the exception that it has raised, if any."""
    cycle.give_back()
    if error is not None:
        has_raised(context, cycle, error)
    context.cycles.discard(cycle)
    if context.draining:
        context.left()


def _is_due_to_disconnect(cycle: "Call", error: BaseException) -> bool:
    """Whether an error says only that the client has gone, or follows from an incomplete body."""
    is_told = isinstance(error, asyncio.CancelledError) or tells_of_disconnect(error)
    return is_told or not cycle.body_complete


def _was_late(context: "Context", cycle: "Call") -> bool:
    """Answer for a call that ended because its response was late; returns whether it was one (rule H-24)."""
    deadlines = context.call_deadlines
    if deadlines is None or not deadlines.was_late(cycle) or not cycle.awaits_response:
        return False
    if context.tally is not None:
        context.tally.refusals["response_timeout"] += 1
    context.logger.warning("ended a call whose response was late (timeout-response): %s", _line(cycle))
    cycle.answer(504, [PLAIN_TEXT], GATEWAY_TIMEOUT)
    return True


def is_stuck(context: "Context", cycle: "Call") -> None:
    """Log where a call stands that goes on although it was cancelled because its response is late (rule H-24)."""
    context.logger.error(
        "cut off a call that ignores its cancellation (timeout-response): %s: %s",
        _line(cycle),
        innermost(cycle.task.get_coro()),
    )


def withdraw(context: "Context", cycle: "Call") -> bool:
    """Drop a call that has not started yet, because its client has gone; returns whether it was dropped."""
    if hasattr(cycle, "task"):
        call = cycle.task.get_coro()
        if not isinstance(call, Coroutine) or getcoroutinestate(call) != CORO_CREATED:
            return False
        cycle.task.cancel()
    elif not context.withdraw(cycle):
        return False
    context.cycles.discard(cycle)
    cycle.give_back()
    if context.draining:
        context.left()
    return True


def _line(cycle: "Call") -> str:
    return f"{cycle.scope.get('method', '-')} {cycle.target.decode('ascii', 'backslashreplace')}"
