"""Process 1 of a container whose server is its child: passes signals and the exit code on, and takes in orphans.

It knows nothing of the server, does nothing unless it is told to, and holds nothing open of which others could hear the
end. For Linux: elsewhere nobody starts a server as process 1.
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
        _close_what_others_hear_of()
        while True:
            came = signal.sigwaitinfo(signal.valid_signals())
            if came.si_signo == signal.SIGCHLD:
                _reap(child)
            elif came.si_signo not in OF_A_TERMINAL or came.si_code != SI_KERNEL:
                os.kill(child, came.si_signo)
    finally:
        os._exit(1)  # nothing may go on here as if it were the server


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
        if os.WSTOPSIG(status) == signal.SIGTSTP:  # process 1 itself is never stopped, and who would continue it?
            os.kill(child, signal.SIGCONT)


def _close_what_others_hear_of() -> None:
    """Close all but standard streams and files: a lock is lost with any descriptor of its file."""
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError):
            if number > 2 and not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)


__all__ = ["become_init_with_child"]
