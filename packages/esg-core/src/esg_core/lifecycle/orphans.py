"""Reaps orphans, as process 1 of a container must (rule L-8): they become its children, and only it can wait for them.

A parent of workers runs no application code, so all children that it has not started itself are orphans. In a process
that runs the application, they cannot be told apart: it starts processes too, and their exit codes belong to it. So a
serving process continues as a child of process 1, which has no other children but orphans (`esg_core.lifecycle.init`).
"""

import os
import sys
from collections.abc import Collection
from pathlib import Path

OF_ONE_PROCESS = ("LISTEN_PID", "WATCHDOG_PID")
"""Variables with the ID of the process that others are meant for: see sd_listen_fds(3), sd_watchdog_enabled(3)."""


class _Process:
    """Whether this process has become a child of process 1."""

    is_below_init = False


def ends_everything() -> bool:
    """Whether the end of this process ends all others, as in a container the end of process 1 does."""
    return os.getpid() == 1 or _Process.is_below_init


def leave_orphans_to_init() -> None:
    """If this is process 1, continue in a child of it; must be called before ESG opens or starts anything.

    Does nothing where a fork would lose something: in a program with threads or children, and where systemd listens to
    process 1 itself.
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
    """Whether a fork of this process would lack something that it has."""
    if os.environ.get("NOTIFY_SOCKET") or len([*Path("/proc/self/task").iterdir()]) > 1:
        return True
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def reap_orphans(ours: Collection[int]) -> None:
    """Reap all children but `ours`; for a process 1 that has started no others."""
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
