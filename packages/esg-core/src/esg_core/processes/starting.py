"""Starts one worker, fresh or forked, with the memory that it shares with its parent and its siblings."""

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence

from esg_core.processes.spawn import Running, start_fresh
from esg_core.processes.worker import WorkerTask
from esg_core.sockets.board import Rows
from esg_core.sockets.bound import BoundSocket


def start_worker(
    task: WorkerTask,
    bound: Sequence[BoundSocket],
    drop_parent_resources: Callable[[], None] | None,
    *,
    has_figures: bool,
    rows: Rows | None = None,
) -> Running:
    """Start a worker; it is forked where there is `drop_parent_resources`, which closes what only the parent needs.

    It gets a place for its figures if somebody may ask for them, and one of the `rows`. Raises `OSError` or
    `StartupError`.
    """
    with contextlib.ExitStack() as undo:
        segment = None
        if has_figures and sys.platform != "win32":
            from esg_core.figures.segment import Segment

            segment = Segment.create()
            undo.callback(segment.close)
            task = dataclasses.replace(task, segment=segment.fileno())
        row = None if rows is None else rows.take()
        if rows is not None and row is not None:
            undo.callback(rows.free, row)
            task = dataclasses.replace(task, board=rows.board.fileno(), row=row)
        running = _start(task, bound, drop_parent_resources)
        undo.pop_all()
    running.segment = segment
    if rows is not None and row is not None:
        running.free_row = functools.partial(rows.free, row)
    return running


def _start(task: WorkerTask, bound: Sequence[BoundSocket], drop_parent_resources: Callable[[], None] | None) -> Running:
    if drop_parent_resources is None or sys.platform == "win32":
        return start_fresh(task, bound)
    from esg_core.processes.fork import start_forked

    return start_forked(task, bound, drop_parent_resources)
