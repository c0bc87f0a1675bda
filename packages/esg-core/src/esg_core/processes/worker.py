"""What a worker does: it serves on its parent's sockets until the parent tells it to stop.

Knows a server and the line to the parent, not how the process was started.
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
    from esg_core.figures.segment import Segment
    from esg_core.options.config import Config
    from esg_core.sockets.board import Holding
    from esg_core.sockets.tickets import TicketKeys


@dataclass(frozen=True)
class WorkerTask:
    """What one worker has to do: serve what `config` says, with a heartbeat every `beat` seconds; None for none.

    It publishes its figures into the segment with this descriptor, and what it holds in this row of the board with that
    descriptor; None for none. `tickets` has the keys of TLS tickets.
    """

    config: "Config"
    beat: float
    segment: int | None = None
    tickets: "TicketKeys | None" = None
    board: int | None = None
    row: int = 0

    @property
    def memory(self) -> tuple[int, ...]:
        """The descriptors of the memory that it shares with its parent."""
        return tuple(fd for fd in (self.segment, self.board) if fd is not None)


def work(task: WorkerTask, line: socket.socket, sockets: list[socket.socket]) -> int:
    """Serve until the parent tells the worker to stop, or has gone, and return the exit code."""
    holding = _holding(task)
    bound = [BoundSocket(sock, is_shared=True, holding=holding) for sock in sockets]
    leave_to_parent()
    expect_siblings()
    owner = ParentLine(line, bound, task.beat, _segment(task))
    owner.tickets = task.tickets
    return run_alone(task.config, bound, owner)


def _segment(task: WorkerTask) -> "Segment | None":
    if task.segment is None:
        return None
    from esg_core.figures.segment import Segment

    return Segment.attach(task.segment)


def _holding(task: WorkerTask) -> "Holding | None":
    if task.board is None:
        return None
    from esg_core.sockets.board import Board, Holding

    return Holding(Board.attach(task.board), task.row)
