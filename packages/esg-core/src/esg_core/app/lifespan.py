"""Runs the lifespan of an application: start-up, the state it leaves for requests, shutdown (ASGI lifespan 2.0).

The application's call runs as a task, from before the first request to after the last. It receives two messages
(`lifespan.startup`, `lifespan.shutdown`), in between a third one if it has asked for it (`lifespan.shutdown.notice`,
rule L-9), and those that it sends move it through the phases below; any other message is an error that names the rule.
Knows no sockets and no requests.
"""

import asyncio
import logging
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

from esg_core.app.forked_children import end_if_forked
from esg_core.app.tracebacks import application_traceback
from esg_core.asgi import Message
from esg_core.errors import ApplicationError, StartupError
from esg_core.waiting import Waiters, finite

if TYPE_CHECKING:
    from esg_core.context import Context

NOTICE = "lifespan.shutdown.notice"
"""The message that the server begins to stop. Only an application that knows it gets it: to all frameworks, the second
message that they receive is the shutdown."""

CANCEL_PATIENCE = 1.0
"""Seconds for the application to end after it was cancelled."""


class Phase(IntEnum):
    """How far the lifespan has come; it never goes back."""

    NEW = 0
    """The application has been called, and has not yet asked for a message."""

    STARTING = 1
    """It has received `lifespan.startup`."""

    STARTED = 2
    """It has sent `lifespan.startup.complete`."""

    STOPPING = 3
    """The server stops it: `lifespan.shutdown` can be received."""

    STOPPED = 4
    """It has reported the result of its shutdown, or has ended in any other way."""


class Lifespan:
    """The lifespan of one application; `mode` is what the option `lifespan` says.

    `auto` tolerates an application that raises instead of starting up, as those without lifespan do; one that reports a
    failed start-up has failed in every mode.
    """

    def __init__(self, context: "Context", mode: Literal["auto", "on", "off"]) -> None:
        self._context = context
        self._mode = mode
        self._logger = logging.getLogger("esg.error")
        self._phase = Phase.NEW
        self._changed = Waiters(context.loop)
        self._failure: StartupError | None = None
        self._failed_to_stop = False
        self._owes_notice = False
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Let the application start up; raises `StartupError` if it fails. Cancelling this cancels the application."""
        if self._mode == "off":
            return
        self._logger.info("Waiting for application startup.")
        self._task = self._context.loop.create_task(self._run())
        try:
            await self._reach(Phase.STARTED)
        except asyncio.CancelledError:
            await self.cancel()
            raise
        if self._failure is not None:
            await self.cancel()
            raise self._failure
        self._logger.info("Application startup complete.")

    async def shutdown(self, limit: float) -> bool:
        """Let the application shut down; returns whether it did within `limit` seconds (`inf`: no limit)."""
        if self._task is None or self._phase is not Phase.STARTED:
            return True
        self._logger.info("Waiting for application shutdown.")
        self._move(Phase.STOPPING)
        try:
            async with asyncio.timeout(finite(limit)):
                await self._reach(Phase.STOPPED)
        except TimeoutError:
            self._logger.error("the application's shutdown took longer than %g s: cancelled", limit)  # noqa: TRY400
            await self.cancel()
            return False
        if not self._failed_to_stop:
            self._logger.info("Application shutdown complete.")
        await self.cancel()
        return True

    async def cancel(self) -> None:
        """Cancel the application's call, if it has not ended yet."""
        if self._task is None:
            return
        await asyncio.sleep(0)  # most applications return right after their last message
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=CANCEL_PATIENCE)

    # The application's call.

    async def _run(self) -> None:
        context = self._context
        scope: dict[str, Any] = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": context.state,
            "extensions": {NOTICE: {}},
        }
        try:
            await context.app(scope, self._receive, self._send)
        except asyncio.CancelledError:
            self._move(Phase.STOPPED)
        except BaseException as error:  # noqa: BLE001 - an application may raise anything
            end_if_forked(context, error)
            self._raised(error)
        else:
            end_if_forked(context)
            self._returned()

    async def _receive(self) -> Message:
        if self._phase is Phase.NEW:
            self._move(Phase.STARTING)
            return {"type": "lifespan.startup"}
        if self._owes_notice:
            await self._context.wait_draining()
            self._owes_notice = False
            return {"type": NOTICE}
        await self._reach(Phase.STOPPING)
        if self._phase is Phase.STOPPED:
            await self._context.loop.create_future()  # there is no further message: wait to be cancelled
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete" and self._phase <= Phase.STARTING:
            self._owes_notice = bool(message.get("shutdown_notice", False))
            self._move(Phase.STARTED)
        elif kind == "lifespan.startup.failed" and self._phase <= Phase.STARTING:
            self._fail(_startup_failure(message))
        elif kind == "lifespan.shutdown.complete" and self._phase is Phase.STOPPING:
            self._move(Phase.STOPPED)
        elif kind == "lifespan.shutdown.failed" and self._phase is Phase.STOPPING:
            self._failed_to_stop = True
            self._logger.error("the application's shutdown failed: %s", _said(message))
            self._move(Phase.STOPPED)
        else:
            raise ApplicationError(f"ASGI lifespan expects {_EXPECTED[self._phase]} now, the application sent {kind!r}")

    def _returned(self) -> None:
        if self._phase <= Phase.STARTING:
            self._unsupported(None)
        self._move(Phase.STOPPED)

    def _raised(self, error: BaseException) -> None:
        if self._phase <= Phase.STARTING:
            self._unsupported(error)
        else:
            self._failed(error)
        self._move(Phase.STOPPED)

    def _failed(self, error: BaseException) -> None:
        """The application has raised after its start-up; what it has reported as a failure is in the log already."""
        if self._failure is None and self._phase is not Phase.STOPPED:
            self._failed_to_stop = True
            self._logger.error("exception in the application's lifespan\n%s", application_traceback(error))
        self._context.on_failure(error)

    def _unsupported(self, error: BaseException | None) -> None:
        """The application ended instead of starting up: it does not support lifespan, or it is broken."""
        if isinstance(error, SystemExit):
            self._failure = StartupError(f"the application called sys.exit({error.code!r}) in its startup")
        elif self._mode == "on":
            ended = "returned without starting up" if error is None else f"raised {type(error).__name__} in its startup"
            off = self._context.config.with_value("lifespan", "off")
            self._failure = StartupError(f"the application {ended}; {off} serves it without")
            self._failure.__cause__ = error
        elif error is not None and self._phase is Phase.STARTING and not isinstance(error, ApplicationError):
            self._logger.warning(
                "the application raised in its startup and is served anyway; %s makes this an error\n%s",
                self._context.config.with_value("lifespan", "on"),
                application_traceback(error),
            )
            self._context.on_failure(error)
        else:
            self._logger.info("The application does not support lifespan.")

    def _fail(self, failure: StartupError) -> None:
        self._failure = failure
        self._move(Phase.STOPPED)

    def _move(self, phase: Phase) -> None:
        if phase > self._phase:
            self._phase = phase
            self._changed.wake()

    async def _reach(self, phase: Phase) -> None:
        while self._phase < phase:
            await self._changed.wait()


_EXPECTED = {
    Phase.NEW: "lifespan.startup.complete or .failed",
    Phase.STARTING: "lifespan.startup.complete or .failed",
    Phase.STARTED: "nothing before it has received lifespan.shutdown",
    Phase.STOPPING: "lifespan.shutdown.complete or .failed",
    Phase.STOPPED: "nothing more",
}


def _startup_failure(message: Message) -> StartupError:
    """The error that the application reports; of a longer text, such as a traceback, the last line is the summary."""
    said = _said(message)
    error = StartupError(f"the application's startup failed: {said.splitlines()[-1]}")
    if "\n" in said:
        error.add_note(said)
    return error


def _said(message: Message) -> str:
    return str(message.get("message", "")).strip() or "it gave no reason"
