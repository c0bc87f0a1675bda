"""One run of what is reloaded: from its start to the end of its last process.

Knows processes and time, and neither files nor why it is ended. A thread waits for the end, so that an end that nobody
asked for is told at once.
"""

import threading
import time
from collections.abc import Callable

from esg_reload.group import Group
from esg_reload.launch import Launch

GLANCE = 0.02
"""Seconds between two looks at processes that are no children of ours and cannot be waited for."""


class Child:
    """A command that runs; `on_end` is called with its exit code, in another thread, if it ends by itself.

    Raises `OSError` if it cannot be started.
    """

    def __init__(self, launch: Launch, on_end: Callable[[int], None]) -> None:
        self._group = Group(launch)
        self._on_end = on_end
        self._is_wanted = True
        self._ended = threading.Event()
        self._waiting = threading.Thread(target=self._wait, name="esg-reload-child", daemon=True)
        self._waiting.start()

    def stop(self, grace: float) -> bool:
        """End the command and all that it has left; returns whether that needed no force.

        The command is asked to end. What is still there when it has ended is asked too, and what is still there after
        `grace` seconds is killed.
        """
        end = time.monotonic() + grace
        self._is_wanted = False
        if not self._ended.is_set():
            self._group.ask_leader()
            self._ended.wait(grace)
        is_clean = self._ended.is_set() and self._end_rest(end)
        self.kill()
        self._waiting.join()
        return is_clean

    def kill(self) -> None:
        """End everything at once; also from a signal handler while `stop()` waits."""
        self._is_wanted = False
        self._group.kill()

    def _end_rest(self, end: float) -> bool:
        """End what the command has left behind; returns whether it is gone in time."""
        if self._group.is_left():
            self._group.ask()
        while self._group.is_left():
            if time.monotonic() >= end:
                return False
            time.sleep(GLANCE)
        return True

    def _wait(self) -> None:
        code = self._group.wait()
        self._ended.set()
        if self._is_wanted:
            self._on_end(code)
