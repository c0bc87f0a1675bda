"""What is looked up of processes and of the interpreter when somebody asks, with the names of `prometheus_client`.

Knows /proc; where there is none, there are no such series, rather than zeros.
"""

import os
import platform
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from esg_core.figures import families
from esg_core.figures.readings import Family, Reading, Series, single

if sys.platform != "win32":
    import resource


class ProcessNumbers(NamedTuple):
    """One process: CPU time in seconds, memory in bytes, descriptors (None if they cannot be seen)."""

    cpu: float
    resident: int
    virtual: int
    open_files: int | None
    most_files: int | None


def look_at(pid: int) -> ProcessNumbers | None:
    """The numbers of a process; None if it is gone, or the system does not tell."""
    if sys.platform == "win32":
        return None
    directory = Path(f"/proc/{pid}")
    try:
        fields = _stat(pid)
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        virtual, pages = int(fields[20]), int(fields[21])
    except (OSError, ValueError, IndexError):
        return None
    return ProcessNumbers(cpu, pages * os.sysconf("SC_PAGE_SIZE"), virtual, _open_files(directory), _most(directory))


def _stat(pid: int) -> list[str]:
    """The fields of proc_pid_stat(5) from the third on: the second is the program's name, which may hold anything."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    return text.rpartition(")")[2].split()


def _open_files(directory: Path) -> int | None:
    try:
        return sum(1 for _ in (directory / "fd").iterdir())
    except OSError:
        return None


def _most(directory: Path) -> int | None:
    try:
        lines = (directory / "limits").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[3]) for line in lines if line.startswith("Max open files"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def ended_cpu() -> float:
    """CPU seconds of the children that have been waited for."""
    if sys.platform == "win32":
        return 0.0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def process_readings(pids: Iterable[int], started_at: float) -> list[Reading]:
    """The sums over these processes, with the CPU time of children that have ended; empty without /proc.

    `started_at` is when the first of them began, in seconds since 1970. Of the limits of descriptors, the lowest.
    """
    ended = ended_cpu()  # first: a child that ends meanwhile is missing once, instead of being counted twice
    found = [numbers for pid in pids if (numbers := look_at(pid)) is not None]
    if not found:
        return []
    sums: list[tuple[Family, float | None]] = [
        (families.PROCESS_CPU, ended + sum(numbers.cpu for numbers in found)),
        (families.PROCESS_MEMORY, sum(numbers.resident for numbers in found)),
        (families.PROCESS_VIRTUAL, sum(numbers.virtual for numbers in found)),
        (families.PROCESS_FILES, sum(numbers.open_files or 0 for numbers in found)),
        (families.PROCESS_MOST_FILES, min((one.most_files for one in found if one.most_files), default=None)),
        (families.PROCESS_START, started_at),
    ]
    return [single(family, value) for family, value in sums if value is not None]


def python_reading() -> Reading:
    """The interpreter."""
    version = (*map(str, sys.version_info[:3]), platform.python_version())
    return Reading(families.PYTHON, [Series((platform.python_implementation(), *version), 1.0)])


def start_of(pid: int) -> float | None:
    """When a process began, in seconds since 1970; None if it is gone, or the system does not tell."""
    try:
        fields = _stat(pid)
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        return time.time() - uptime + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
