"""Lends the terminal to a process group that wants to read from it: to a debugger in a reloaded program.

Knows terminals and process groups (POSIX). The reloader's group owns the terminal, so that CTRL+C reaches the reloader.
The system stops a background group that reads from the terminal; then the group can be given it.
"""

import os
import signal
import sys
import termios
from typing import Any

assert sys.platform != "win32"


class Terminal:
    """The terminal of this process, if it has one; for use by one thread."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._attributes: list[Any] = []

    def lend(self, group: int) -> bool:
        """Give the terminal to a group; returns whether it was ours."""
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
        """Take back the terminal and restore its settings: a killed debugger may have left it without echo."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        saved = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})  # we are still in the background
        try:
            os.tcsetpgrp(descriptor, os.getpgrp())
            termios.tcsetattr(descriptor, termios.TCSADRAIN, self._attributes)
        except OSError:
            pass  # the terminal is gone
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, saved)
            os.close(descriptor)
