"""Measures how much memory another process uses."""

import os
import subprocess
import sys
from pathlib import Path

MIB = 1 << 20


def resident(pid: int) -> int | None:
    """Bytes of a process that are in RAM (RSS); None if that is unknown here, or the process has gone."""
    if sys.platform == "win32":
        return None
    pages = _pages(pid)
    return pages * os.sysconf("SC_PAGE_SIZE") if pages is not None else _from_ps(pid)


def _pages(pid: int) -> int | None:
    """The second number of proc_pid_statm(5), on systems that have it."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _from_ps(pid: int) -> int | None:
    """From ps(1), which POSIX has where there is no /proc; it counts in units of 1024 bytes."""
    command = ("ps", "-o", "rss=", "-p", str(pid))
    try:
        answer = subprocess.run(command, capture_output=True, timeout=1, check=True)  # noqa: S603 - no user's text
        return int(answer.stdout) * 1024
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
