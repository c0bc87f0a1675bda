"""`Server`: one server from start to end, inside a running event loop (rules L-1 to L-5).

It assembles the parts and starts them in order; `esg_core.lifecycle.drain` ends them. It configures no logging, ends no
process and polls nothing: between start and end it waits for one event, the stop. Signals are handled only in the main
thread, where Python delivers them.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from esg_core.access import AccessLog
from esg_core.app.loading import prepare_imports
from esg_core.app.nested_run import refuse_while_importing
from esg_core.context import Context
from esg_core.errors import ESGError, StartupError, UsageError
from esg_core.lifecycle.announcements import announce_end, announce_process, url
from esg_core.lifecycle.assembly import ServerParts, assemble
from esg_core.lifecycle.drain import Drain, drain_budget
from esg_core.lifecycle.owner import Owner
from esg_core.lifecycle.stats import stats
from esg_core.lifecycle.stop_signals import waking
from esg_core.plugins import loop_factory
from esg_core.sockets.bound import AnySocket
from esg_core.waiting import OneTimeEvent, happened, unless

if TYPE_CHECKING:
    from esg_core.monitoring.thread import ThreadedAdmin
    from esg_core.options.config import Config

STARTUP_PATIENCE = 5.0
"""Seconds to end for a start-up that a signal has cancelled."""

CLOSING_PATIENCE = 5.0
"""Seconds that closing the event loop has at least: it cancels tasks and waits for the threads of its executor."""

FORCED_PATIENCE = 1.0
"""The same after an end by force."""


class Server:
    """Serves what a `Config` says: `await Server(config).serve()`.

    `started` and `stopped` are true once that has happened, and can be awaited. `forced` is true after an end in which
    something had to be cancelled. `owner` is the owner of the process; the default is right for an embedded server.
    """

    def __init__(self, config: "Config", owner: Owner | None = None) -> None:
        self.config = config
        self.started = OneTimeEvent()
        self.stopped = OneTimeEvent()
        self.forced = False
        self._owner = owner if owner is not None else Owner()
        self._stop = OneTimeEvent()
        self._force = OneTimeEvent()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._parts: ServerParts | None = None
        self._drain: Drain | None = None
        self._admin: ThreadedAdmin | None = None
        self._signals = 0
        self._handles_signals = False
        self._is_loading = False
        self._is_over = False
        self._logger = logging.getLogger("esg.error")

    # What users call.

    def run(self, sockets: Sequence[AnySocket] | None = None) -> None:
        """Serve in a new event loop until the end; raises the same as `serve()`, and `UsageError` inside a server."""
        refuse_while_importing()
        _check_that_no_loop_runs()
        prepare_imports(self.config)
        with asyncio.Runner(loop_factory=loop_factory(self.config.loop, self.config.spell)) as runner:
            try:
                runner.run(self.serve(sockets))
            except BaseException as error:
                if self.stopped:
                    raise
                self._loop_has_ended(runner, error)
            self._before_closing()

    async def serve(self, sockets: Sequence[AnySocket] | None = None) -> None:
        """Start, serve until `shutdown()` or a signal, and end.

        `sockets` replace the addresses of the configuration; they are closed at the end. Raises `StartupError` or
        `UsageError` if the server cannot start. Cancelling this ends the server at once. SIGINT and SIGTERM that ended
        it are raised again at the end, with the handlers that the program had before.
        """
        self._loop = asyncio.get_running_loop()
        try:
            with self.handling_signals(), waking(self._loop):
                with self._owner.sign_of_life(self._loop):
                    await self._serve(sockets)
                if self.started:
                    announce_end()
        except BaseException as error:
            self.started.fail(error if isinstance(error, ESGError) else StartupError("the server was cancelled"))
            raise
        finally:
            self.started.fail(StartupError("the server was stopped before it started"))
            self.stopped.reach()
            self._loop = None

    def shutdown(self) -> None:
        """Stop gracefully (rule L-2); may be called from any thread, more than once, and before `serve()`."""
        self._stop.reach_from_anywhere(self._loop)

    @property
    def context(self) -> Context:
        """What the connections share; available from start-up on."""
        if self._parts is None:
            raise RuntimeError("the server has no context before it starts up")
        return self._parts.context

    def stats(self) -> dict[str, Any]:
        """The current figures of the server, fit for JSON, from start-up on; see `esg_core.lifecycle.stats`."""
        return stats(self.context)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets."""
        return self._parts.listeners.sockets if self._parts is not None else ()

    @property
    def urls(self) -> list[str]:
        """The URLs of the server, with the actual ports."""
        return [url(sock, tls=self.config.tls) for sock in self.sockets]

    @property
    def should_exit(self) -> bool:
        """Whether the server has to stop; setting it calls `shutdown()`."""
        return bool(self._stop)

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self.shutdown()

    @property
    def force_exit(self) -> bool:
        """Whether the server has to stop at once; setting it cancels whatever runs."""
        return bool(self._force)

    @force_exit.setter
    def force_exit(self, value: bool) -> None:
        if value:
            self._force.reach_from_anywhere(self._loop)
            self.shutdown()

    # Signals.

    @contextlib.contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM stop the server inside the `with` block; the second one stops it at once."""
        if self._handles_signals:
            yield
            return
        self._handles_signals = True
        try:
            with self._owner.handling_signals(self._on_signal):
                yield
        finally:
            self._handles_signals = False

    def _on_signal(self, _number: signal.Signals) -> None:
        """Handle a signal: between any two instructions of the main thread, even while the event loop is blocked."""
        if not self._owner.may_end():
            return
        self._signals += 1
        if self._signals > 1:
            self._owner.leave_as_wanted()
            self.force_exit = True
            return
        self.interrupt()
        if self._is_loading:
            raise KeyboardInterrupt

    def interrupt(self) -> None:
        """`shutdown()` for a signal handler: in the main thread, even while the event loop is blocked."""
        self.shutdown()
        if not self.started or self._loop is None:
            self._owner.allow(STARTUP_PATIENCE)
            return
        self._loop.call_soon_threadsafe(self.context.announce_closing)  # before whatever the loop does next
        self._owner.allow(drain_budget(self.context))

    # From start to end.

    async def _serve(self, sockets: Sequence[AnySocket] | None) -> None:
        with self._serving_admin():
            parts = None if self._stop else self._assemble(sockets)
            if parts is not None:
                await self._run(parts)

    @contextlib.contextmanager
    def _serving_admin(self) -> Iterator[None]:
        """Bind the admin address, unless there is none, or the owner serves it, until the `with` block ends."""
        if self.config.admin is None or not self._owner.serves_admin:
            yield
            return
        from esg_core.monitoring.thread import threaded_admin

        with threaded_admin(self.config) as self._admin:
            self._owner.before_leaving(self._admin.unlink)
            yield

    async def _run(self, parts: ServerParts) -> None:
        drain = self._drain = Drain(parts, self._owner.allow, self._owner.is_last)
        try:
            if self._admin is not None:
                self._admin.start(parts.context, self.shutdown, lambda: self.sockets)
            if await self._start(parts):
                await self._stop
                self._owner.stopping(drain_budget(parts.context))
                self._is_over = await unless(self._force, drain.run())
        finally:
            if not self._is_over:
                await drain.abandon()
            self.forced = drain.forced or bool(self._force)
            if parts.context.access is not None:
                parts.context.access.flush()

    def _assemble(self, sockets: Sequence[AnySocket] | None) -> ServerParts | None:
        """The parts of the server; None if a signal came in the meantime."""
        self._is_loading = True
        try:
            self._parts = assemble(self.config, sockets, self._owner.tickets)
        except KeyboardInterrupt:
            self._logger.info("Stopped while importing the application")
        finally:
            self._is_loading = False
        return self._parts

    async def _start(self, parts: ServerParts) -> bool:
        """Start up the application, then accept clients; returns whether that was completed."""
        context, listeners = parts.context, parts.listeners
        self._owner.before_leaving(listeners.unlink)
        self._owner.assembled(context)
        if not await unless(self._stop, parts.lifespan.startup()):
            self._logger.info("Stopped during the application's startup")
            return False
        context.access = AccessLog.create(self.config, context.loop)
        context.on_limit = self._on_limit
        self._owner.started_up()
        listeners.start(self.config.backlog)
        context.open()
        announce_process(self.config, context.loop)
        self._owner.ready(context, listeners.sockets)
        if self._admin is not None:
            self._admin.announce()
        self.started.reach()
        return True

    def _on_limit(self) -> None:
        if self._owner.limit_reached(self.context):
            self.shutdown()

    def _loop_has_ended(self, runner: asyncio.Runner, error: BaseException) -> None:
        """The application has stopped the loop: run it again until the server has stopped gracefully."""
        has_stopped = isinstance(error, RuntimeError)
        what = "stopped the event loop" if has_stopped else f"raised {error!r} outside its requests"
        self._logger.warning("the application %s: shutting down", what)
        self.shutdown()
        runner.run(happened(self.stopped))
        if isinstance(error, SystemExit):
            self._before_closing()
            raise error

    def _before_closing(self) -> None:
        """Limit the time for closing the loop: it cancels the tasks left and waits for threads, which can hang."""
        if self._parts is not None and self._parts.context.cycles:
            self._owner.leave("the application ignored its cancellation: stopped by force")
        if self._drain is not None:
            self._owner.allow(FORCED_PATIENCE if self.forced else self._drain.time_left(CLOSING_PATIENCE))


def _check_that_no_loop_runs() -> None:
    """Raise `UsageError` where a loop runs already, as in a notebook: no other can run inside it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError("an event loop is already running: await esg.Server(config).serve() in it instead")
