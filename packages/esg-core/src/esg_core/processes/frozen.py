"""Starts workers of a frozen program, as PyInstaller makes them: its executable is not an interpreter that takes code.

It is started as `multiprocessing` starts one: from the arguments, `freeze_support()` learns that the process is a child
and finds a pipe; it unpickles the object that comes through and calls its method `_bootstrap`. POSIX only.
"""

import contextlib
import os
import pickle
import sys
from collections.abc import Iterator
from multiprocessing.spawn import get_command_line
from typing import NoReturn

from esg_core.processes.spawned import main

assert sys.platform != "win32"

Command = tuple[list[str], int]
"""The words of a command, and a descriptor that the process must inherit."""


class FrozenWorker:
    """Turns a child of a frozen program into the worker that has this line to its parent."""

    def __init__(self, line_number: int) -> None:
        self._line_number = line_number

    def _bootstrap(self, parent_sentinel: int) -> NoReturn:
        """Called by `multiprocessing.spawn`; its own way of noticing that the parent has gone is not needed."""
        os.close(parent_sentinel)
        main(self._line_number)


@contextlib.contextmanager
def command_of_worker(line_number: int) -> Iterator[Command]:
    """The command that starts a worker; its descriptor is open inside the `with` block."""
    reading, writing = os.pipe()
    try:
        with open(writing, "wb") as pipe:  # noqa: PTH123 - it has no path
            pipe.write(pickle.dumps({}))  # how to prepare the main module: nothing to prepare
            pipe.write(pickle.dumps(FrozenWorker(line_number)))
        words = get_command_line(tracker_fd=None, pipe_handle=reading)
        yield [os.fsdecode(word) for word in words], reading
    finally:
        os.close(reading)
