"""Starts one worker, fresh or forked, with the memory that it shares with its parent and its siblings."""

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence
from socket import socket
from typing import TYPE_CHECKING

from esg_core.processes.spawn import Running, start_fresh
from esg_core.processes.worker import WorkerTask
from esg_core.sockets.board import Rows
from esg_core.sockets.bound import BoundSocket

if TYPE_CHECKING:
    from esg_core.processes.udp.seats import Seats


def start_worker(
    task: WorkerTask,
    bound: Sequence[BoundSocket],
    drop_parent_resources: Callable[[], None] | None,
    *,
    has_figures: bool,
    rows: Rows | None = None,
    seats: "Seats | None" = None,
) -> Running:
    """Start a worker; it is forked where there is `drop_parent_resources`, which closes what only the parent needs.

    It gets a place for its figures if somebody may ask for them, one of the `rows`, and one of the `seats` if it serves
    HTTP/3. Raises `OSError` or `StartupError`.
    """
    sockets = [one.sock for one in bound]
    places = contextlib.ExitStack()
    with contextlib.ExitStack() as undo:
        undo.push(places)
        segment = None
        if has_figures and sys.platform != "win32":
            from esg_core.figures.segment import Segment

            segment = Segment.create()
            undo.callback(segment.close)
            task = dataclasses.replace(task, segment=segment.fileno())
        row = None if rows is None else rows.take()
        if rows is not None and row is not None:
            places.callback(rows.free, row)
            task = dataclasses.replace(task, board=rows.board.fileno(), row=row)
        seat = None
        if seats is not None and task.config.http3:
            seat = seats.take()
            places.callback(seats.free, seat)
            task = dataclasses.replace(task, seat=seats.seat(seat), beside=tuple(seats.groups))
            sockets += seats.sockets(seat)
        if drop_parent_resources is not None and seats is not None:
            drop_parent_resources = functools.partial(_drop, drop_parent_resources, seats, seat)
        running = _start(task, sockets, drop_parent_resources)
        undo.pop_all()
    running.segment = segment
    running.seat = seat
    running.free_places = places.close
    return running


def _drop(drop_parent_resources: Callable[[], None], seats: "Seats", seat: int | None) -> None:
    drop_parent_resources()
    seats.leave_to_parent(seat)


def _start(task: WorkerTask, sockets: Sequence[socket], drop_parent_resources: Callable[[], None] | None) -> Running:
    if drop_parent_resources is None or sys.platform == "win32":
        return start_fresh(task, sockets)
    from esg_core.processes.fork import start_forked

    return start_forked(task, sockets, drop_parent_resources)
