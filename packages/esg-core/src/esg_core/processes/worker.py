"""What a worker does: it serves on the sockets of its parent until the parent says that it is enough.

Knows a server and its line to the parent; not how it came to be a process of its own.
"""

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esg_core.app.siblings import expect_siblings
from esg_core.lifecycle.process import run_alone
from esg_core.processes.parent_line import ParentLine
from esg_core.processes.signals import leave_to_parent
from esg_core.sockets.bound import BoundSocket

if TYPE_CHECKING:
    from esg_core.options.config import Config


@dataclass(frozen=True)
class WorkerTask:
    """What one worker is to do: serve what `config` says, with a sign of life every `beat` seconds, if any."""

    config: "Config"
    beat: float | None


def work(task: WorkerTask, line: socket.socket, sockets: list[socket.socket]) -> int:
    """Serve until the parent says that it is enough, or has gone, and return the exit code."""
    bound = [BoundSocket(sock, is_shared=True) for sock in sockets]
    leave_to_parent()
    expect_siblings()
    return run_alone(task.config, bound, ParentLine(line, bound, task.beat))
