"""One run of what is reloaded, from its start to the end of its last process.

Knows processes and time, but neither files nor why it is stopped. A thread waits for the end, so that an unexpected end
is reported at once.
"""

import threading
import time
from collections.abc import Callable

from esg_reload.group import Group
from esg_reload.launch import Launch

POLL_EVERY = 0.02
"""Seconds between two checks of processes that are not our children and cannot be waited for."""


class Child:
    """A running command; `on_end` is called with its exit code, in another thread, if it ends by itself.

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
        """End the command and everything that it has left behind; returns whether that needed no force.

        First the command is asked to end; once it has, so are the processes still running. What is left after `grace`
        seconds is killed.
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
        """Kill everything; may be called from a signal handler while `stop()` waits."""
        self._is_wanted = False
        self._group.kill()

    def _end_rest(self, end: float) -> bool:
        """End what the command has left behind; returns whether it has gone in time."""
        if self._group.is_left():
            self._group.ask()
        while self._group.is_left():
            if time.monotonic() >= end:
                return False
            time.sleep(POLL_EVERY)
        return True

    def _wait(self) -> None:
        code = self._group.wait()
        self._ended.set()
        if self._is_wanted:
            self._on_end(code)
