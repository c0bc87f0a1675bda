"""Starts workers as processes: fresh interpreters, or copies of a parent that has imported the application.

Both give a `Running`: a process and the parent's end of its line. A fresh interpreter does not import the user's main
program again, as `multiprocessing` would, and inherits nothing but its sockets. What Windows lacks is kept here: it has
fresh workers only, which inherit sockets as handles and cannot be asked where they are.
"""

import atexit
import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.spawn import get_command_line
from typing import NoReturn, Protocol

from esg_core.processes.fresh import Errand, send
from esg_core.processes.messages import Heard
from esg_core.processes.post import DUMP_SIGNAL
from esg_core.processes.signals import blocked
from esg_core.processes.worker import Order, work
from esg_core.sockets import BoundSocket

GLANCE = 0.01
"""Seconds between two looks at a process that is about to end."""


class Process(Protocol):
    """What is common to a process that was started and one that was forked."""

    pid: int

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process is there."""

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""

    def kill(self) -> None:
        """End it at once."""


class Running:
    """A worker that was started: its process, and the line to it."""

    def __init__(self, process: Process, line: socket.socket) -> None:
        line.setblocking(False)
        self.process = process
        self.line = line
        self.heard = Heard()

    def tell(self, message: bytes) -> None:
        """Say something to the worker; one that has gone does not hear it."""
        with contextlib.suppress(OSError):
            self.line.send(message)

    def gone(self) -> None:
        """The line has ended. Windows does not tell of the end of a process, so it is waited for."""
        if sys.platform == "win32":
            while self.process.poll() is None:
                time.sleep(GLANCE)

    def dump(self) -> None:
        """Let the worker say where its threads are."""
        if DUMP_SIGNAL is not None:
            self.process.send_signal(DUMP_SIGNAL)


Start = Callable[[Order, Sequence[BoundSocket]], Running]
"""Starts a worker on sockets; raises `OSError`."""


def start_fresh(order: Order, bound: Sequence[BoundSocket]) -> Running:
    """A worker in a fresh interpreter."""
    ours, theirs = socket.socketpair()
    descriptors = tuple(one.sock.fileno() for one in bound)
    errand = Errand(order, descriptors, tuple(sys.path), tuple(sys.argv))
    with theirs:
        command = (*_interpreter(), "-c", f"from esg_core.processes.fresh import main; main({theirs.fileno()})")
        with blocked():
            process = _popen(command, (*descriptors, theirs.fileno()))
    send(pickle.dumps(errand), ours)
    return Running(process, ours)


def _popen(command: Sequence[str], descriptors: Sequence[int]) -> "subprocess.Popen[bytes]":
    if sys.platform == "win32":
        for handle in descriptors:
            os.set_handle_inheritable(handle, True)
        group = subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(command, close_fds=False, creationflags=group)  # noqa: S603 - our own command
    return subprocess.Popen(command, pass_fds=descriptors)  # noqa: S603 - our own command


def _interpreter() -> list[str]:
    """The running interpreter with its flags, as `multiprocessing` would start another one."""
    command = [os.fsdecode(word) for word in get_command_line()]
    return command[: command.index("-c")]


if sys.platform != "win32":

    class Forked:
        """A copy of this process."""

        def __init__(self, pid: int) -> None:
            self.pid = pid
            self._code: int | None = None

        def poll(self) -> int | None:
            """The exit code, negative for a signal; None while the process is there."""
            if self._code is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self._code = os.waitstatus_to_exitcode(status) if pid else None
            return self._code

        def send_signal(self, number: int) -> None:
            """Send a signal, unless it has ended."""
            if self.poll() is None:
                os.kill(self.pid, number)

        def kill(self) -> None:
            """End it at once."""
            self.send_signal(signal.SIGKILL)

    def start_forked(order: Order, bound: Sequence[BoundSocket], let_go: Callable[[], None]) -> Running:
        """A worker as a copy of this process; `let_go` closes in it what belongs to the parent alone."""
        ours, theirs = socket.socketpair()
        with blocked():
            pid = os.fork()
            if pid == 0:
                ours.close()
                _be_worker(order, theirs, [one.sock for one in bound], let_go)
        theirs.close()
        return Running(Forked(pid), ours)

    def _be_worker(
        order: Order, line: socket.socket, sockets: list[socket.socket], let_go: Callable[[], None]
    ) -> NoReturn:
        """Work, and end without going back to whoever has called the parent."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            let_go()
            code = work(order, line, sockets)
        except BaseException:  # noqa: BLE001 - nobody else would say it
            sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(BaseException):
                threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - a normal end waits for threads
                atexit._run_exitfuncs()  # noqa: SLF001 - and runs what the application has asked for
            os._exit(code)


__all__ = ["Process", "Running", "Start", "start_forked", "start_fresh"]
