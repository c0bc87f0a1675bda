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
    from esg_core.contracts import Seat
    from esg_core.figures.segment import Segment
    from esg_core.options.config import Config
    from esg_core.sockets.board import Holding
    from esg_core.sockets.tickets import TicketKeys


@dataclass(frozen=True)
class WorkerTask:
    """What one worker has to do: serve what `config` says, with a heartbeat every `beat` seconds; None for none.

    It publishes its figures into the segment with this descriptor, and what it holds in this row of the board with that
    descriptor; None for none. `tickets` has the keys of TLS tickets. `seat` is its place at the UDP ports, which are
    those of the sockets with the numbers `beside`.
    """

    config: "Config"
    beat: float
    segment: int | None = None
    tickets: "TicketKeys | None" = None
    board: int | None = None
    row: int = 0
    seat: "Seat | None" = None
    beside: tuple[int, ...] = ()

    @property
    def memory(self) -> tuple[int, ...]:
        """The descriptors of the memory that it shares with its parent."""
        return tuple(fd for fd in (self.segment, self.board) if fd is not None)


def work(task: WorkerTask, line: socket.socket, sockets: list[socket.socket]) -> int:
    """Serve until the parent tells the worker to stop, or has gone, and return the exit code.

    The last of the `sockets` are those of UDP, as many as the task names.
    """
    bound = _bound(task, sockets)
    leave_to_parent()
    expect_siblings()
    owner = ParentLine(line, bound, task.beat, _segment(task))
    owner.tickets = task.tickets
    return run_alone(task.config, bound, owner)


def _bound(task: WorkerTask, sockets: list[socket.socket]) -> list[BoundSocket]:
    holding = _holding(task)
    first_of_udp = len(sockets) - len(task.beside)
    bound = [BoundSocket(one, is_shared=True, holding=holding, is_of_parent=True) for one in sockets[:first_of_udp]]
    for number, sock in zip(task.beside, sockets[first_of_udp:], strict=True):
        sock.setblocking(False)
        bound[number].beside, bound[number].seat = sock, task.seat
    return bound


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
