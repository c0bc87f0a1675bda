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
import os, signal, sys
def leave(*_):
    print("asked", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("ready", os.getpid(), flush=True)
signal.pause()
"""
"""A program that ends when it is asked to, and says so."""


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def is_running(pid: int) -> bool:
    """Whether a process is running, and is not just a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path("/proc", str(pid), "stat")
    try:
        return not status.parent.parent.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for what is not reported: the end of processes that are not ours."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)
