"""Workers of a frozen program, such as PyInstaller makes: its executable is no interpreter that runs what it is told.

It is started as `multiprocessing` starts one: by its arguments `freeze_support()` knows that it is to be a child, and
finds a pipe; what comes from there is unpickled, and its method `_bootstrap` called. For POSIX.
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
"""The words of a command, and a descriptor that it needs."""


class FrozenWorker:
    """What a child of a frozen program is to be: the worker with this line to its parent."""

    def __init__(self, line_number: int) -> None:
        self._line_number = line_number

    def _bootstrap(self, parent_sentinel: int) -> NoReturn:
        """Called by `multiprocessing.spawn`, whose way to notice the end of a parent is not needed."""
        os.close(parent_sentinel)
        main(self._line_number)


@contextlib.contextmanager
def command_of_worker(line_number: int) -> Iterator[Command]:
    """How a worker is started; the descriptor is open inside."""
    reading, writing = os.pipe()
    try:
        with open(writing, "wb") as pipe:  # noqa: PTH123 - it has no path
            pipe.write(pickle.dumps({}))  # how to make the main module; there is none to be made
            pipe.write(pickle.dumps(FrozenWorker(line_number)))
        words = get_command_line(tracker_fd=None, pipe_handle=reading)
        yield [os.fsdecode(word) for word in words], reading
    finally:
        os.close(reading)
