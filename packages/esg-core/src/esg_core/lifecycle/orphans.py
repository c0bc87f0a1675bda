"""Sees the end of orphans, as process 1 of a container must (rule L-8): they are its children, and only it can wait.

A parent of workers runs no code of the application, so all children that it has not started itself are orphans. Where
an application runs they cannot be told apart: it starts processes too, and their exit codes are its own. So a process
that serves goes on as a child of process 1, which has no other children but orphans (`esg_core.lifecycle.init`).
"""

import os
import sys
from collections.abc import Collection
from pathlib import Path

OF_ONE_PROCESS = ("LISTEN_PID", "WATCHDOG_PID")
"""Variables that name the process which others are about: see sd_listen_fds(3), sd_watchdog_enabled(3)."""


class _Process:
    """Whether this process has become the child of process 1."""

    is_below_init = False


def ends_everything() -> bool:
    """Whether all processes end with this one, as those of a container do with process 1."""
    return os.getpid() == 1 or _Process.is_below_init


def leave_orphans_to_init() -> None:
    """If this is process 1, go on as a child of it; to be called before ESG opens or starts anything.

    Does nothing where a copy would not be the same: in a program that has threads or children, and where systemd wants
    to hear from process 1 itself.
    """
    if sys.platform != "linux" or os.getpid() != 1 or _cannot_be_copied():
        return
    from esg_core.lifecycle.init import become_init_with_child

    become_init_with_child()
    _Process.is_below_init = True
    for name in OF_ONE_PROCESS:
        if os.environ.get(name) == "1":
            os.environ[name] = str(os.getpid())


def _cannot_be_copied() -> bool:
    """Whether a copy of this process would lack something that it has."""
    if os.environ.get("NOTIFY_SOCKET") or len([*Path("/proc/self/task").iterdir()]) > 1:
        return True
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def reap_orphans(ours: Collection[int]) -> None:
    """See the end of all children but `ours`; for a process 1 that has started only those."""
    if sys.platform == "win32":
        return
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid in ours:
            return
        os.waitpid(found.si_pid, 0)
