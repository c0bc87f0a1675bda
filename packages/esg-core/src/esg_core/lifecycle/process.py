"""Runs one server as a process: logging, signals, the watchdog, and an exit code at the end (rules L-2, C-2).

0 is a clean stop, also by a signal and during start-up; 1 an end by force; 2 a wrong option; 3 a failure to start.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from esg_core.app.tracebacks import application_traceback
from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle.pid_file import PidFile
from esg_core.lifecycle.server import Server
from esg_core.lifecycle.systemd import Notifier
from esg_core.lifecycle.watchdog import FORCED, Watchdog
from esg_core.logs import configure
from esg_core.sockets.activation import passed_sockets
from esg_core.sockets.bound import AnySocket

if TYPE_CHECKING:
    from esg_core.options.config import Config
    from esg_core.processes.parent_line import ParentLine


def run_alone(config: "Config", sockets: Sequence[AnySocket] | None = None, post: "ParentLine | None" = None) -> int:
    """Serve in this very process until the end and return the exit code; see `esg_core.run.run()`.

    A worker has a `post`, and tells its parent what the log would be told otherwise.
    """
    watchdog = Watchdog()
    server = Server(config, watchdog, Notifier.create() if sockets is None else None, post)
    try:
        configure(config, is_one_of_many=post is not None)
        if sockets is None:
            sockets = passed_sockets(config)
        with server.handling_signals(), _pid_file(config, watchdog):
            if post is not None:
                post.open(server.shutdown)
            server.run(sockets)
            if server.forced:
                _leave_threads(watchdog)
    except (UsageError, StartupError) as error:
        if post is None:
            return report(error)
        post.failed(explanation(error))
        return error.exit_code
    finally:
        watchdog.dismiss()
    return FORCED if server.forced else 0


@contextlib.contextmanager
def _pid_file(config: "Config", watchdog: Watchdog) -> Iterator[None]:
    """Have the file that says which process this is, if there is to be one."""
    if config.pid_file is None:
        yield
        return
    file = PidFile(os.fspath(config.pid_file))
    file.write()
    watchdog.before_exit.append(file.remove)
    try:
        yield
    finally:
        file.remove()


def _leave_threads(watchdog: Watchdog) -> None:
    """The interpreter would wait for threads that the application has left; an end by force does not."""
    names = [
        thread.name for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()
    ]
    if names:
        watchdog.leave(f"threads still run: {', '.join(names)}: stopped by force")


def report(error: UsageError | StartupError) -> int:
    """Log what is wrong; returns the exit code."""
    logging.getLogger("esg.error").error("%s", explanation(error))
    return error.exit_code


def explanation(error: UsageError | StartupError) -> str:
    """What is wrong, with the application's own traceback if that is where it failed."""
    return str(error) if error.__cause__ is None else f"{error}\n{application_traceback(error.__cause__)}"


__all__ = ["explanation", "report", "run_alone"]
