"""Runs one server as a process: logging, signals, the watchdog, and an exit code at the end (rules L-2, C-2).

0 is a clean stop, including one by a signal or during start-up; 1 an end by force; 2 a wrong option; 3 a failed start.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from esg_core.app.loading import LOADED, add_application_directory, load_variables
from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle.owner import ThisProcess
from esg_core.lifecycle.pid_file import PidFile
from esg_core.lifecycle.process_name import name_process
from esg_core.lifecycle.server import Server
from esg_core.lifecycle.systemd import Notifier
from esg_core.lifecycle.watchdog import FORCED
from esg_core.logs import configure
from esg_core.sockets.activation import passed_sockets
from esg_core.sockets.bound import AnySocket
from esg_core.standard_streams import fill_standard_streams

if TYPE_CHECKING:
    from esg_core.options.config import Config


def set_up(config: "Config", *, serves: bool = True, is_one_of_many: bool = False, role: str = "") -> None:
    """Do what every process of a server begins with, before it opens or imports anything (rule C-4).

    `role` is what the name of the process says of it (rule W-12).

    A process that only starts others leaves reading the env file to them: they inherit its environment, and a later
    version of the file must count. Raises `UsageError`, after logging is configured.
    """
    fill_standard_streams()
    has_loaded = False
    try:
        add_application_directory(config)
        has_loaded = serves and load_variables(config)
    finally:
        configure(config, is_one_of_many=is_one_of_many)
    if has_loaded:
        logging.getLogger("esg.error").info(LOADED, config.env_file)
    name_process(config, role)


def run_alone(config: "Config", sockets: Sequence[AnySocket] | None = None, owner: ThisProcess | None = None) -> int:
    """Serve in this process until the end and return the exit code; see `esg_core.run.run()`.

    A process that opens its own sockets reports to systemd; a worker has its parent as `owner`.
    """
    fill_standard_streams()  # before the notifier opens a socket
    if owner is None:
        owner = ThisProcess(Notifier.create() if sockets is None else Notifier())
    server = Server(config, owner)
    try:
        set_up(config, is_one_of_many=owner.is_one_of_many, role="worker" if owner.is_one_of_many else "")
        if sockets is None:
            sockets = passed_sockets(config)
        with server.handling_signals(), _pid_file(config, owner):
            owner.begin(server.shutdown)
            server.run(sockets)
            if server.forced:
                _leave_threads(owner)
    except (UsageError, StartupError) as error:
        owner.failed(error)
        return error.exit_code
    finally:
        owner.dismiss()
    if server.forced:
        owner.tell("stopped by force: whatever did not end in time was cancelled", "")
    return FORCED if server.forced else 0


@contextlib.contextmanager
def _pid_file(config: "Config", owner: ThisProcess) -> Iterator[None]:
    """Keep the PID file, if the configuration asks for one, until the `with` block ends."""
    if config.pid_file is None:
        yield
        return
    file = PidFile(os.fspath(config.pid_file), config.spell("pid_file"))
    file.write()
    owner.before_leaving(file.remove)
    try:
        yield
    finally:
        file.remove()


def _leave_threads(owner: ThisProcess) -> None:
    """End by force if the application has left threads running, for which the interpreter would wait."""
    names = [
        thread.name for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()
    ]
    if names:
        owner.leave(f"threads are still running: {', '.join(names)}: stopped by force")
