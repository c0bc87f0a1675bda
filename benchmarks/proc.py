"""What Linux knows about a process and its descendants: their IDs, CPU time, memory and cores.

CPU time comes from the CPU clocks of the processes, which count user and system time of all threads, ended ones too, in
nanoseconds; the fields of /proc/PID/stat are the same figures in steps of 10 ms.
"""

import os
import time
from pathlib import Path

_PROC = Path("/proc")

Memory = dict[str, int]
"""Bytes by kind: `Rss` and `Pss`."""


def tree(root: int) -> list[int]:
    """`root` and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, ())
    return found


def _parent(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat.rpartition(")")[2].split()[1])


def cpu_ns(pids: list[int]) -> int:
    """User and system time that the processes have used since their starts."""
    return sum(time.clock_gettime_ns(_cpu_clock(pid)) for pid in pids)


def _cpu_clock(pid: int) -> int:
    """The id of a process's CPU clock, as clock_getcpuclockid(3) makes it on Linux."""
    return (~pid << 3) | 2


def memory(pids: list[int]) -> Memory:
    """Resident memory of the processes: `Rss` counts a shared page once per process, `Pss` divides it among them."""
    total = {"Rss": 0, "Pss": 0}
    for pid in pids:
        for line in (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name in total:
                total[name] += int(value.split()[0]) * 1024
    return total


def peak_memory(pids: list[int]) -> int:
    """The peak resident memory of the processes, in bytes, each at its own time."""
    return sum(_peak((_PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace")) for pid in pids)


def _peak(status: str) -> int:
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def pinned_to(pids: list[int], cores: set[int]) -> bool:
    """Whether every thread of the processes may run on those cores only."""
    threads = [int(task.name) for pid in pids for task in (_PROC / str(pid) / "task").iterdir()]
    return all(os.sched_getaffinity(thread) == cores for thread in threads)
