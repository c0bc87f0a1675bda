"""A command with all that it starts: a process group, where the system has them.

What differs between systems is here and nowhere else. On POSIX, the command leads a process group of its own, so that
nothing of it is left behind, and CTRL+C in a terminal is for the reloader alone. On Windows, there is the command
alone, and CTRL+BREAK asks it to end.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from esg_reload.launch import Launch
from esg_reload.terminal import ASKING, Terminal
from esg_reload.zombies import only_zombies


class Group:
    """A running command and its descendants; raises `OSError` if the command cannot be started."""

    def __init__(self, launch: Launch) -> None:
        environment = {**os.environ, **launch.variables}
        self._process = subprocess.Popen(launch.command, env=environment, **_creation(launch.descriptors))  # noqa: S603
        self.id = self._process.pid

    def wait(self) -> int:
        """Wait for the end of the command and return its exit code, negative for a signal."""
        if hasattr(os, "waitid"):  # macOS has it from Python 3.13 on
            self._attend()
        return self._process.wait()

    def ask_leader(self) -> None:
        """Ask the command to end; it may end its own processes in whatever order it likes."""
        if sys.platform == "win32":
            self._process.send_signal(signal.CTRL_BREAK_EVENT)
        else:
            self._process.send_signal(signal.SIGTERM)
            self._process.send_signal(signal.SIGCONT)

    def ask(self) -> None:
        """Ask everything that is left to end."""
        if sys.platform != "win32":
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End everything that is left, at once."""
        if sys.platform == "win32":
            self._process.kill()
        else:
            self._signal(signal.SIGKILL)

    def is_left(self) -> bool:
        """Whether any process of the group is there."""
        if sys.platform == "win32":
            return self._process.poll() is None
        return self._signal(0) and not only_zombies(self.id)

    def _signal(self, number: int) -> bool:
        """Send a signal to the group; returns whether there is one. macOS forbids it when all are zombies."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.id, number)
            return True
        return False

    def _attend(self) -> None:
        """Lend the command the terminal when it stops for want of it, until it has ended."""
        terminal = Terminal()
        with contextlib.suppress(ChildProcessError):  # it has ended, and been waited for by another thread
            while (state := self._next_state()).si_code == os.CLD_STOPPED:
                if state.si_status == signal.SIGTSTP or (state.si_status in ASKING and terminal.lend(self.id)):
                    self._signal(signal.SIGCONT)
        terminal.take_back()

    def _next_state(self) -> os.waitid_result:
        """Wait until the command stops or ends; the end is left for `Popen` to see."""
        while True:
            state = os.waitid(os.P_PID, self.id, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
            assert state is not None
            if state.si_code != os.CLD_STOPPED or os.waitid(os.P_PID, self.id, os.WSTOPPED | os.WNOHANG) is not None:
                return state


def _creation(descriptors: Sequence[int]) -> dict[str, Any]:
    if sys.platform == "win32":
        for descriptor in descriptors:
            os.set_handle_inheritable(descriptor, True)
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP, "close_fds": False}
    return {"process_group": 0, "pass_fds": descriptors}


def explained(error: OSError) -> str:
    """What an error is about, and why."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


__all__ = ["Group", "explained"]
