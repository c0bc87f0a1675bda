"""Refuses `run()` inside a server (rule W-8): a module that calls it at its top level does so wherever it is imported.

Each worker would start workers, and so would each of those. So a process that ESG starts is marked, and so is a thread
while it imports a module of the user. The mark is a process ID, not an environment variable: programs and children that
the application starts are not ESG's, and may serve as they like. Knows no server.
"""

import contextlib
import os
import threading
from collections.abc import Iterator

from esg_core.errors import UsageError

_thread = threading.local()


class _Process:
    """The ID of this process if ESG has started it; a forked child inherits a value that is not its own."""

    pid = 0


class NestedRun(UsageError):
    """`run()` was called inside a server, usually because the `__main__` guard is missing."""

    def __init__(self) -> None:
        super().__init__('run() was called inside a server: put the call under `if __name__ == "__main__":`')


def mark_as_server() -> None:
    """Mark this process as started by ESG to serve an application, which may not start another server in it."""
    _Process.pid = os.getpid()


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Mark this thread, inside the `with` block, as running the user's imports or application factory."""
    was_importing = _is_importing()
    _thread.is_importing = True
    try:
        yield
    finally:
        _thread.is_importing = was_importing


def refuse_while_importing() -> None:
    """Raise `NestedRun` if this thread is marked."""
    if _is_importing():
        raise NestedRun


def refuse_nested_run(*, starts_processes: bool) -> None:
    """Raise `NestedRun` where a server would run inside another.

    In another thread it may, unless it `starts_processes`: each of those would do the same.
    """
    refuse_while_importing()
    is_main = threading.current_thread() is threading.main_thread()
    if _Process.pid == os.getpid() and (is_main or starts_processes):
        raise NestedRun


def _is_importing() -> bool:
    return getattr(_thread, "is_importing", False)
