"""A command with all the processes that it starts, as far as the system can group them.

All differences between systems are here. On POSIX, the command leads its own process group, so that none of its
processes is left behind, and CTRL+C in a terminal reaches only the reloader. On Windows there is only the command;
CTRL+BREAK asks it to end, and it should end its own children.
"""

import os
import signal
import subprocess
import sys

from esg_reload.launch import Launch

if sys.platform == "win32":

    class Group:
        """A running command; raises `OSError` if it cannot be started."""

        def __init__(self, launch: Launch) -> None:
            for handle in launch.descriptors:
                os.set_handle_inheritable(handle, True)
            self._process = subprocess.Popen(  # noqa: S603 - see below
                launch.command,
                env={**os.environ, **launch.variables},
                close_fds=False,
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
            )

        def wait(self) -> int:
            """Wait for the end of the command and return its exit code."""
            return self._process.wait()

        def ask_leader(self) -> None:
            """Ask the command to end."""
            self._process.send_signal(signal.CTRL_BREAK_EVENT)

        def ask(self) -> None:
            """Do nothing: no other process of the command is known."""

        def kill(self) -> None:
            """Kill the command."""
            self._process.kill()

        def is_left(self) -> bool:
            """Whether the command still runs."""
            return self._process.poll() is None

else:
    import contextlib

    from esg_reload.terminal import Terminal
    from esg_reload.zombies import only_zombies

    ASKING = frozenset({signal.SIGTTIN, signal.SIGTTOU})
    """Signals that stop a background process when it uses the terminal."""

    class Group:
        """A running command and its descendants; raises `OSError` if the command cannot be started."""

        def __init__(self, launch: Launch) -> None:
            self._process = subprocess.Popen(  # noqa: S603 - running the user's command is the purpose
                launch.command, env={**os.environ, **launch.variables}, pass_fds=launch.descriptors, process_group=0
            )
            self.id = self._process.pid

        def wait(self) -> int:
            """Wait for the end of the command and return its exit code, negative for a signal.

            If the command stops because it needs the terminal, it gets it.
            """
            terminal = Terminal()
            while os.WIFSTOPPED(status := self._next_status()):
                number = os.WSTOPSIG(status)
                if number == signal.SIGTSTP or (number in ASKING and terminal.lend(self.id)):
                    self._signal(signal.SIGCONT)
            terminal.take_back()
            self._process.returncode = os.waitstatus_to_exitcode(status)
            return self._process.returncode

        def ask_leader(self) -> None:
            """Ask only the command to end; it may end its own processes in any order."""
            with contextlib.suppress(ProcessLookupError):
                for number in (signal.SIGTERM, signal.SIGCONT):
                    if self._process.returncode is None:  # Popen would poll, and reap the child before wait() can
                        os.kill(self.id, number)

        def ask(self) -> None:
            """Ask all remaining processes to end."""
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)

        def kill(self) -> None:
            """Kill all remaining processes."""
            self._signal(signal.SIGKILL)

        def is_left(self) -> bool:
            """Whether any process of the group still runs."""
            return self._signal(0) and not only_zombies(self.id)

        def _signal(self, number: int) -> bool:
            """Send a signal to the group; returns whether it exists. macOS refuses when all members are zombies."""
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.id, number)
                return True
            return False

        def _next_status(self) -> int:
            """Wait until the command stops (`Popen.wait()` cannot) or ends; 0 where SIGCHLD is ignored."""
            try:
                if os.getpid() == 1:
                    self._reap_orphans()
                return os.waitpid(self.id, os.WUNTRACED)[1]
            except ChildProcessError:
                return 0

        def _reap_orphans(self) -> None:
            """As process 1 of a container, reap orphans until the command stops or ends."""
            while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WSTOPPED | os.WNOWAIT)) and found.si_pid != self.id:
                os.waitpid(found.si_pid, os.WNOHANG | os.WUNTRACED)


def explained(error: OSError) -> str:
    """The error in one line, with the file that it concerns."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)
