"""Says in the log how an application's call went wrong, and ends the exchange for it (rule H-10)."""

import asyncio
from collections.abc import Coroutine
from inspect import CORO_CREATED, getcoroutinestate
from typing import TYPE_CHECKING

from esg_core.app.forked_children import end_if_forked
from esg_core.errors import ClientDisconnected, tells_of_disconnect
from esg_http.call.phases import EXPECT_START

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_http.call.contracts import Call


def has_returned(context: "Context", cycle: "Call", result: object) -> None:
    """The application has returned something, or without a whole response."""
    if result is not None:
        kind = type(result).__name__
        context.logger.error("the application returned %r, and ASGI wants None (H-10): %s", kind, _line(cycle))
    if cycle.response_complete or cycle.client_gone or cycle.input_over:
        cycle.give_up()
        return
    said = "without a response" if cycle.phase == EXPECT_START else "before its response was complete"
    context.logger.error("the application returned %s (H-10): %s", said, _line(cycle))
    cycle.fail()


def has_raised(context: "Context", cycle: "Call", error: BaseException) -> None:
    """The application has raised; that its client has gone is no failure."""
    end_if_forked(context, error)
    if cycle.input_over and _comes_of_disconnect(cycle, error):
        context.logger.debug("%s ended the call, as its client has gone: %s", type(error).__name__, _line(cycle))
        cycle.give_up()
        return
    if isinstance(error, ClientDisconnected):
        cycle.fail()
        return
    if isinstance(error, asyncio.CancelledError) and context.draining:
        context.logger.error("cancelled a request that was still running: %s", _line(cycle))
    else:
        context.logger.error("exception in the application: %s", _line(cycle), exc_info=error)
    cycle.fail()


def _comes_of_disconnect(cycle: "Call", error: BaseException) -> bool:
    """Whether an error tells nothing but that the client has gone, or comes of a body that is not whole."""
    is_told = isinstance(error, asyncio.CancelledError) or tells_of_disconnect(error)
    return is_told or not cycle.body_complete


def withdraw(context: "Context", cycle: "Call") -> bool:
    """Its client has gone: do not call the application if that has not happened yet; returns whether it is so."""
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
