"""Starts one worker, fresh or forked, with a place for its figures if somebody may ask for them."""

import sys
from collections.abc import Callable, Sequence

from esg_core.processes.spawn import Running, start_fresh
from esg_core.processes.worker import WorkerTask
from esg_core.sockets.bound import BoundSocket


def start_worker(
    task: WorkerTask,
    bound: Sequence[BoundSocket],
    drop_parent_resources: Callable[[], None] | None,
    *,
    has_figures: bool,
) -> Running:
    """Start a worker; it is forked where there is `drop_parent_resources`, which closes what only the parent needs.

    Raises `OSError` or `StartupError`.
    """
    if not has_figures or sys.platform == "win32":
        return _start(task, bound, drop_parent_resources)
    import dataclasses

    from esg_core.figures.segment import Segment

    segment = Segment.create()
    try:
        running = _start(dataclasses.replace(task, segment=segment.fileno()), bound, drop_parent_resources)
    except BaseException:
        segment.close()
        raise
    running.segment = segment
    return running


def _start(task: WorkerTask, bound: Sequence[BoundSocket], drop_parent_resources: Callable[[], None] | None) -> Running:
    if drop_parent_resources is None or sys.platform == "win32":
        return start_fresh(task, bound)
    from esg_core.processes.fork import start_forked

    return start_forked(task, bound, drop_parent_resources)
