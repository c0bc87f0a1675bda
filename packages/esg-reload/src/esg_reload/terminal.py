"""Lends the terminal to a process group that wants to read from it: a debugger in a program that is reloaded.

Knows terminals and process groups (POSIX). The reloader's group owns the terminal, so that CTRL+C is for the reloader;
a group that reads from a terminal which is not its own is stopped by the system, and can then be given it.
"""

import os
import signal
import sys
import termios
from typing import Any

assert sys.platform != "win32"


class Terminal:
    """The terminal of this process, as far as it has one; to be used by one thread."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._attributes: list[Any] = []

    def lend(self, group: int) -> bool:
        """Give the terminal to a group; returns whether it was ours to give."""
        try:
            descriptor = os.open(os.ctermid(), os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return False
        if os.tcgetpgrp(descriptor) != os.getpgrp():
            os.close(descriptor)
            return False
        self._descriptor, self._attributes = descriptor, termios.tcgetattr(descriptor)
        os.tcsetpgrp(descriptor, group)
        return True

    def take_back(self) -> None:
        """Have the terminal again, as it was: a debugger that was killed may have left it without echo."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})  # we are in the background still
        try:
            os.tcsetpgrp(descriptor, os.getpgrp())
            termios.tcsetattr(descriptor, termios.TCSADRAIN, self._attributes)
        except OSError:
            pass  # the terminal is gone
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)
            os.close(descriptor)
