"""Tells processes from zombies, as far as the system has /proc (Linux).

An orphan that has ended is a member of its process group until the first process of the system has seen that; in a
container that may be late, or never.
"""

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def only_zombies(group: int) -> bool:
    """Whether all members of a process group have ended; false where nobody can tell."""
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
