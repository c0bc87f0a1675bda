"""Tells running processes from zombies, on systems with /proc (Linux).

An orphan that has ended stays in its process group until process 1 reaps it; in a container that may be late, or never.
"""

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def only_zombies(group: int) -> bool:
    """Whether all members of a process group are zombies; false if that cannot be found out."""
    return (PROC / "self" / "stat").exists() and all(state == "Z" for state in _states(group))


def _states(group: int) -> Iterator[str]:
    """The states of the members, as single letters: see proc_pid_stat(5)."""
    for directory in PROC.iterdir():
        if directory.name.isdigit():
            try:
                text = (directory / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue  # it has gone
            state, _parent, its_group, *_ = text.rpartition(")")[2].split()  # the name before it may be anything
            if int(its_group) == group:
                yield state
