"""Workers for gunicorn (rule U-6): `gunicorn -k esg.workers.ESGWorker main:app`.

Gunicorn starts, counts, times and ends the processes; ESG serves inside them. `esg.gunicorn_settings` translates the
settings. This module joins the two lifecycles: signals, sockets, logs, the heartbeat, exit codes.
"""

import asyncio
import contextlib
import dataclasses
import functools
import logging
import os
import signal
import sys
import traceback
import weakref
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from esg.gunicorn_settings import config_for, ignored_variables
from esg_core.app.nested_run import NestedRun, mark_as_server
from esg_core.app.siblings import expect_siblings
from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle.failures import report
from esg_core.lifecycle.heartbeat import Heartbeat
from esg_core.lifecycle.owner import ThisProcess
from esg_core.lifecycle.server import Server
from esg_core.lifecycle.systemd import Notifier
from esg_core.lifecycle.watchdog import FORCED, log_error
from esg_core.sockets.board import Holding, Rows
from esg_core.sockets.bound import BoundSocket
from esg_core.sockets.tickets import TicketKeys

if TYPE_CHECKING:
    from esg_core.options.config import Config

BEAT = 1.0
"""Seconds between two heartbeats, or a third of gunicorn's `timeout` if that is shorter."""

QUICK_PATIENCE = 1.8
"""Seconds for a quick end; gunicorn waits for two."""


class ESGWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """Serves with uvloop and httptools, if they are installed, unless an option says otherwise.

    Options come from `CONFIG_KWARGS`, which subclasses may set to options of ESG, from `ESG_*` variables and from
    gunicorn's settings, in this order; the first one wins. A warning names each variable that has no effect.
    """

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {}

    alive: bool
    _config: "Config"
    _owner: "_Gunicorn"
    _server: Server | None = None
    _is_quick = False

    # What gunicorn calls.

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Still in gunicorn's own process, before the fork: take a row for what this worker will hold (rule W-10)."""
        super().__init__(*arguments, **named)
        self._holding: Holding | None = None
        rows = _rows()
        row = None if rows is None or self.cfg.reuse_port else rows.take()
        if rows is not None and row is not None:
            self._holding = Holding(rows.board, row)
            weakref.finalize(self, _free, rows, row, os.getpid()).atexit = False  # gunicorn drops those that have ended

    def init_process(self) -> None:
        """Read the settings, in the new process; gunicorn then loads the application and calls `run()`."""
        mark_as_server()
        self._take_logs()
        expect_siblings()
        self._owner = _Gunicorn(self._heartbeat)
        try:
            self._config = config_for(_not_loaded, self.cfg, self.CONFIG_KWARGS, self._max_requests())
            for line in ignored_variables(self.CONFIG_KWARGS, self._config):
                logging.getLogger("esg.error").warning("%s", line)
        except UsageError as error:
            self._fail(error)
        super().init_process()

    def load_wsgi(self) -> None:
        """Import the application, which must not call `run()` (rule W-8)."""
        try:
            super().load_wsgi()
        except NestedRun as error:
            self._fail(error)

    def init_signals(self) -> None:
        """Install plain handlers, which work even while the application blocks the event loop."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.signal(signal.SIGINT, self.handle_quit)
        signal.signal(signal.SIGQUIT, self.handle_quit)
        signal.signal(signal.SIGABRT, self.handle_abort)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gracefully (rule L-2); gunicorn may ask more than once."""
        if self._server is None:
            sys.exit(0)
        if self.alive:
            self.alive = False
            self._server.interrupt()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at once."""
        self._is_quick, self.alive = True, False
        self.cfg.worker_int(self)
        if self._server is None:
            sys.exit(0)
        self._owner.allow(QUICK_PATIENCE)
        self._server.force_exit = True

    def handle_abort(self, sig: int, frame: FrameType | None) -> NoReturn:
        """Gunicorn got no heartbeat: log where the event loop is blocked, and end the process."""
        self.alive = False
        self.cfg.worker_abort(self)
        holding = "".join(traceback.format_stack(frame)).rstrip()
        self._owner.leave("the event loop is blocked: worker stopped by force", f"It was here:\n{holding}")

    def run(self) -> NoReturn:
        """Serve until the end and exit."""
        self._server = Server(dataclasses.replace(self._config, app=self.wsgi), self._owner)
        try:
            self._server.run(self._sockets())
        except (UsageError, StartupError) as error:
            self._fail(error)
        finally:
            self._owner.dismiss()
        sys.exit(FORCED if self._server.forced and not self._is_quick else 0)

    # Internals.

    def _max_requests(self) -> int | None:
        return None if self.max_requests == sys.maxsize else self.max_requests

    def _sockets(self) -> Sequence[BoundSocket]:
        """Gunicorn's sockets, which workers share unless `reuse_port` is set."""
        return [BoundSocket(one.sock, is_shared=not self.cfg.reuse_port, holding=self._holding) for one in self.sockets]

    def _take_logs(self) -> None:
        """Let ESG's loggers write where gunicorn's do, unless gunicorn's `logconfig` has set them up."""
        for name, theirs in (("esg", self.log.error_log), ("esg.access", self.log.access_log)):
            logger = logging.getLogger(name)
            if not logger.handlers:
                logger.handlers = list(theirs.handlers)
                logger.setLevel(theirs.level)
                logger.propagate = False

    def _fail(self, error: UsageError | StartupError) -> NoReturn:
        """Exit with the code that makes gunicorn stop instead of starting another worker."""
        report(error)
        sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def _heartbeat(self, loop: asyncio.AbstractEventLoop) -> Heartbeat:
        timeout = self.cfg.timeout
        return Heartbeat(loop, min(BEAT, timeout / 3) if timeout else BEAT, self._beat)

    def _beat(self) -> None:
        """Tell gunicorn that the event loop runs; stop if gunicorn has gone, or its reloader asks for it."""
        self.notify()
        if self._server is not None and (os.getppid() != self.ppid or not self.alive):
            self._server.shutdown()


class ESGH11Worker(ESGWorker):
    """Serves with asyncio and h11, which need no compiled code, whatever variables say: for PyPy and comparisons."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "asyncio", "http": "h11"}


class _Gunicorn(ThisProcess):
    """Gunicorn's arbiter as the owner: the worker handles signals, and gunicorn gets the heartbeat."""

    tickets = TicketKeys()  # made when the arbiter imports this, before it forks: so all workers have the same

    def __init__(self, heartbeat: Callable[[asyncio.AbstractEventLoop], Heartbeat]) -> None:
        super().__init__(Notifier())
        self._heartbeat = heartbeat

    def tell(self, line: str, details: str) -> None:
        log_error(line, details)

    @contextlib.contextmanager
    def handling_signals(self, on_signal: Callable[[signal.Signals], None]) -> Iterator[None]:
        yield

    @contextlib.contextmanager
    def sign_of_life(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        heartbeat = self._heartbeat(loop)
        try:
            yield
        finally:
            heartbeat.stop()


@functools.cache
def _rows() -> Rows | None:
    """The rows of all workers of this gunicorn."""
    return Rows.create()


def _free(rows: Rows, row: int, process: int) -> None:
    """Clear the row of a worker; not in another worker, which has a copy of gunicorn's memory."""
    if os.getpid() == process:
        rows.free(row)


async def _not_loaded(*_: Any) -> None:
    """Takes the place of the application until gunicorn has loaded it."""


__all__ = ["ESGH11Worker", "ESGWorker"]
