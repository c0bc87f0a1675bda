"""Refuses `run()` inside a server (rule W-8): a module that calls it at its top level does so wherever it is imported.

Each worker would start workers, and each of those too. So a process that ESG starts is marked, and so is a thread while
it imports a module of the user. The mark is the number of the process and no variable: programs and children that the
application starts are not ESG's, and may serve as they like. Knows no server.
"""

import contextlib
import os
import threading
from collections.abc import Iterator

from esg_core.errors import UsageError

_thread = threading.local()


class _Process:
    """The process that ESG has started, as far as it is this one."""

    number = 0


class NestedRun(UsageError):
    """`run()` was called where an application is being served; usually a guard is missing."""

    def __init__(self) -> None:
        super().__init__('run() was called inside a server: put the call under `if __name__ == "__main__":`')


def mark_as_server() -> None:
    """Mark this process: ESG has started it to serve an application, which cannot serve another one in it."""
    _Process.number = os.getpid()


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Mark this thread inside: it imports a module of the user, or has a factory make the application."""
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
    """Raise `NestedRun` where a server would serve inside another one.

    In a thread of its own it may, unless it `starts_processes`: each of those would do the same.
    """
    refuse_while_importing()
    is_main = threading.current_thread() is threading.main_thread()
    if _Process.number == os.getpid() and (is_main or starts_processes):
        raise NestedRun


def _is_importing() -> bool:
    return getattr(_thread, "is_importing", False)
