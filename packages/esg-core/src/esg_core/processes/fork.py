"""Starts workers by forking a parent that has imported the application: the option `preload`.

Only for systems that can fork. A child never returns to the code that called the parent: whatever happens, it ends
here.
"""

import atexit
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn

from esg_core.app.nested_run import mark_as_server
from esg_core.processes.signals import blocked
from esg_core.processes.spawn import Running
from esg_core.processes.worker import WorkerTask, work

assert sys.platform != "win32"


class Forked:
    """A forked child of this process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)


def start_forked(
    task: WorkerTask, sockets: Sequence[socket.socket], drop_parent_resources: Callable[[], None]
) -> Running:
    """Fork a worker; `drop_parent_resources` closes in it whatever belongs to the parent alone."""
    ours, theirs = socket.socketpair()
    with blocked():
        pid = os.fork()
        if pid == 0:
            ours.close()
            _be_worker(task, theirs, list(sockets), drop_parent_resources)
    theirs.close()
    return Running(Forked(pid), ours)


def _be_worker(
    task: WorkerTask, line: socket.socket, sockets: list[socket.socket], drop_parent_resources: Callable[[], None]
) -> NoReturn:
    """Serve, then exit without returning to the caller of the parent."""
    code = 1
    try:
        mark_as_server()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        drop_parent_resources()
        code = work(task, line, sockets)
    except BaseException:  # noqa: BLE001 - nothing else would report it
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - a normal end waits for threads
            atexit._run_exitfuncs()  # noqa: SLF001 - and runs the application's exit handlers
        os._exit(code)
