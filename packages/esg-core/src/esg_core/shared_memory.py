"""Memory that a process shares with the processes it starts: a file without a name, passed on as a descriptor."""

import os
import tempfile


def unnamed_file(name: str) -> int:
    """A descriptor of a new, empty file; not inherited unless it is passed. Raises `OSError`.

    Only lists of open files show the name.
    """
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name, os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:  # which has no name any more
        return os.dup(file.fileno())
