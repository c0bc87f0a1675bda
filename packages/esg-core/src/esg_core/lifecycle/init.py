"""Process 1 of a container whose server is its child: passes signals and the exit code on, and takes in orphans.

It knows nothing of the server, waits, and holds no connection of its open. For Linux, which has containers.
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
"""Signals that a terminal sends to every process of a group: the child has got them too."""

SI_KERNEL = 0x80
"""Where they come from then: see `si_code` in sigaction(2)."""


def become_init_with_child() -> None:
    """Fork, and return in the child only; the parent ends when that does."""
    every = signal.valid_signals()
    former = signal.pthread_sigmask(signal.SIG_BLOCK, every)
    child = os.fork()
    if child:
        _be_init(child)
    signal.pthread_sigmask(signal.SIG_SETMASK, former)


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
    except BaseException:  # noqa: BLE001 - nothing may go on here as if it were the server
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _reap(child: int) -> None:
    """See which processes have ended; with the child, this one ends."""
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
    """Close all but standard streams and files: a process loses its lock of a file with any descriptor of that."""
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError):
            if number > 2 and not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)
