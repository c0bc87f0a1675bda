"""The first code that runs in the fresh interpreter of a worker.

Its task comes through the line to its parent, not in arguments or variables, which are limited in size and which others
can read.
"""

import pickle
import socket
import struct
import sys
from dataclasses import dataclass
from typing import NoReturn

from esg_core.app.nested_run import mark_as_server
from esg_core.errors import UsageError
from esg_core.processes.messages import FAILED, as_text
from esg_core.processes.worker import WorkerTask, work

LENGTH = struct.Struct("!Q")


@dataclass(frozen=True)
class SpawnTask:
    """A pickled `WorkerTask`, the descriptors of its sockets, and `sys.path` and `sys.argv` of the parent.

    The task is pickled separately, because unpickling it may need modules on that path.
    """

    task: bytes
    descriptors: tuple[int, ...]
    path: tuple[str, ...]
    arguments: tuple[str, ...]


def send(task: bytes, line: socket.socket) -> None:
    """Send a pickled `SpawnTask` to the process at the other end."""
    line.sendall(LENGTH.pack(len(task)) + task)


def main(line_number: int) -> NoReturn:
    """Run the worker whose line to the parent is this descriptor, and exit with its code."""
    mark_as_server()
    line = socket.socket(fileno=line_number)
    spawn_task = _receive(line)
    sys.path[:] = spawn_task.path
    sys.argv[:] = spawn_task.arguments
    sockets = [socket.socket(fileno=number) for number in spawn_task.descriptors]
    try:
        task: WorkerTask = pickle.loads(spawn_task.task)  # noqa: S301 - from our own parent
    except Exception as error:  # noqa: BLE001 - it may import modules of the user
        problem = "" if isinstance(error, UsageError) else "workers: the options cannot be passed to a new process: "
        line.sendall(FAILED + as_text(f"{problem}{error}"))
        sys.exit(UsageError.exit_code)
    sys.exit(work(task, line, sockets))


def _receive(line: socket.socket) -> SpawnTask:
    """Read the task; ends this process if the parent has gone."""
    (length,) = LENGTH.unpack(_exactly(line, LENGTH.size))
    spawn_task: SpawnTask = pickle.loads(_exactly(line, length))  # noqa: S301 - from our own parent
    return spawn_task


def _exactly(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            sys.exit(1)
        data += more
    return data
