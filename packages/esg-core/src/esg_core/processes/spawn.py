"""Starts workers as fresh interpreters.

A worker does not import the user's main program again, as with `multiprocessing`, and inherits nothing but its sockets.
Windows differs, and all of that is here: workers inherit sockets as handles, and cannot show their stacks.
"""

import contextlib
import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.spawn import get_command_line
from typing import TYPE_CHECKING, Protocol

from esg_core.errors import StartupError
from esg_core.processes.messages import LineReader
from esg_core.processes.parent_line import DUMP_SIGNAL
from esg_core.processes.signals import blocked
from esg_core.processes.spawned import SpawnTask, send
from esg_core.processes.worker import WorkerTask

if TYPE_CHECKING:
    from esg_core.figures.segment import Segment

POLL_EVERY = 0.01
"""Seconds between two checks of a process that is about to end."""


class Process(Protocol):
    """A worker process, started or forked."""

    pid: int

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""

    def kill(self) -> None:
        """Kill the process."""


class Running:
    """A started worker: its process, the line to it, and where it publishes its figures, if it does.

    `free_places` frees what it has of what workers share, and must be called at its end. `seat` is the number of its
    place at the UDP ports, if it has one.
    """

    def __init__(self, process: Process, line: socket.socket) -> None:
        line.setblocking(False)
        self.process = process
        self.line = line
        self.segment: Segment | None = None
        self.free_places: Callable[[], None] = _nothing
        self.seat: int | None = None
        self.reader = LineReader()

    def send(self, message: bytes) -> None:
        """Send the worker a message; does nothing if it has gone."""
        with contextlib.suppress(OSError):
            self.line.send(message)

    def wait_for_exit(self) -> None:
        """Wait for the end of the process on Windows, which does not signal it; elsewhere SIGCHLD does."""
        if sys.platform == "win32":
            while self.process.poll() is None:
                time.sleep(POLL_EVERY)

    def dump(self) -> None:
        """Make the worker show where its threads are."""
        if DUMP_SIGNAL is not None:
            self.process.send_signal(DUMP_SIGNAL)


def start_fresh(task: WorkerTask, sockets: Sequence[socket.socket]) -> Running:
    """Start a worker in a fresh interpreter; raises `OSError`, or `StartupError` for a program that can have none."""
    ours, theirs = socket.socketpair()
    descriptors = tuple(one.fileno() for one in sockets)
    spawn_task = SpawnTask(pickle.dumps(task), descriptors, tuple(sys.path), tuple(sys.argv))
    with theirs:
        process = _start((*descriptors, *task.memory, theirs.fileno()), theirs.fileno())
    with contextlib.suppress(ConnectionError):  # it has died already, and is reported like any other that dies
        send(pickle.dumps(spawn_task), ours)
    return Running(process, ours)


def _start(descriptors: Sequence[int], line_number: int) -> "subprocess.Popen[bytes]":
    if not getattr(sys, "frozen", False):
        program = f"from esg_core.processes.spawned import main; main({line_number})"
        return _popen((*_interpreter(), "-c", program), descriptors)
    if sys.platform == "win32":
        raise StartupError("workers: not supported in frozen programs on Windows")
    from esg_core.processes.frozen import command_of_worker

    with command_of_worker(line_number) as (command, descriptor):
        return _popen(command, (*descriptors, descriptor))


def _popen(command: Sequence[str], descriptors: Sequence[int]) -> "subprocess.Popen[bytes]":
    if sys.platform == "win32":
        for handle in descriptors:
            os.set_handle_inheritable(handle, True)
        group = subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(command, close_fds=False, creationflags=group)  # noqa: S603 - our own command
    with blocked():
        return subprocess.Popen(command, pass_fds=descriptors)  # noqa: S603 - our own command


def _interpreter() -> list[str]:
    """The command of the running interpreter with its flags, as `multiprocessing` starts another."""
    command = [os.fsdecode(word) for word in get_command_line()]
    return command[: command.index("-c")]


def _nothing() -> None:
    """The default of `free_places`."""
