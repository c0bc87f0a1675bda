"""Shared by the tests of processes: commands that report what happens to them, and checks for leftovers."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.reload.changes import PATIENCE

STUBBORN = """\
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
print("ready", os.getpid(), flush=True)
while True:
    time.sleep(1)
"""
"""A program that does not end when it is asked to."""

POLITE = """\
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", os.getpid(), flush=True)
signal.sigwait([signal.SIGTERM])
print("asked", flush=True)
"""
"""A program that ends when it is asked to, and says so.

`signal.pause()` would sleep on if it is asked just before.
"""


THREADS = 16
"""Place of the number of threads behind the state, in Linux's `/proc/PID/stat`."""


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def is_running(pid: int) -> bool:
    """Whether a process is running, and is not just a zombie, which it is once its last thread has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path("/proc", str(pid), "stat")
    try:
        if not status.parent.parent.exists():
            return True
        state, *fields = status.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" or int(fields[THREADS]) > 1


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for what is not reported: the end of processes that are not ours."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)
