"""Process 1 of a container whose server is its child: passes on signals and the exit code, and reaps orphans.

It knows nothing of the server, only waits, and keeps none of its connections open. Linux only, which has containers.
"""

import contextlib
import os
import signal
import stat
import sys
from pathlib import Path
from typing import NoReturn

assert sys.platform == "linux"

OF_A_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP})
"""Signals that a terminal sends to every process of a group, so that the child gets them too."""

SI_KERNEL = 0x80
"""The origin of such a signal: see `si_code` in sigaction(2)."""


def become_init_with_child() -> None:
    """Fork, and return in the child only; the parent ends when that does."""
    every = signal.valid_signals()
    saved = signal.pthread_sigmask(signal.SIG_BLOCK, every)
    child = os.fork()
    if child:
        _be_init(child)
    signal.pthread_sigmask(signal.SIG_SETMASK, saved)


def _be_init(child: int) -> NoReturn:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _close_connections()
        while True:
            came = signal.sigwaitinfo(signal.valid_signals())
            if came.si_signo == signal.SIGCHLD:
                _reap(child)
            elif came.si_signo not in OF_A_TERMINAL or came.si_code != SI_KERNEL:
                os.kill(child, came.si_signo)
    except BaseException:  # noqa: BLE001 - this process must not continue as the server
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _reap(child: int) -> None:
    """Reap the processes that have ended; exits if the child has."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
        if pid == 0:
            return
        if pid != child:
            continue
        if not os.WIFSTOPPED(status):
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
        if os.WSTOPSIG(status) == signal.SIGTSTP:  # by a terminal, and a container has no shell to continue it
            os.kill(child, signal.SIGCONT)


def _close_connections() -> None:
    """Close all descriptors but standard streams and files: closing one of a file would release its locks."""
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError):
            if number > 2 and not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)
