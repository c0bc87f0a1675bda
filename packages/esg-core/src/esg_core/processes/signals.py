"""Signals of a parent and of its workers.

A parent handles none of them where it stands: each becomes a number that its loop reads from a socket. Workers start
with all of them blocked, so that none ends a worker that is not ready to be asked; then those that are for the parent
have no effect.
"""

import contextlib
import signal
import socket
import sys
from collections.abc import Iterator

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGCHLD", "SIGBREAK")
"""What a parent listens to, as far as the system has it."""

FOR_PARENT = ("SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGBREAK")
"""What a terminal, or somebody who means the parent, sends to all processes of a group."""


def known(*names: str) -> list[signal.Signals]:
    """The signals of these names that the system has."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


@contextlib.contextmanager
def as_bytes() -> Iterator[socket.socket]:
    """A socket from which the numbers of signals are read, for as long as this is entered; in the main thread only."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    saved = {number: signal.signal(number, _pass) for number in known(*NAMES)}
    descriptor = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, previous in saved.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
        reading.close()
        writing.close()


@contextlib.contextmanager
def blocked(*names: str) -> Iterator[None]:
    """Let no signal of these names, or none that is for the parent, reach a process that is started inside."""
    if sys.platform == "win32":
        yield
        return
    saved = signal.pthread_sigmask(signal.SIG_BLOCK, known(*(names or FOR_PARENT)))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, saved)


def leave_to_parent() -> None:
    """In a worker: signals that are for the parent have no effect.

    By a handler and not by `SIG_IGN`, which the processes that the application starts would inherit.
    """
    for number in known(*FOR_PARENT):
        signal.signal(number, _pass)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, known(*FOR_PARENT))


def _pass(_number: int, _frame: object) -> None:
    """What there is to do is done by whoever reads the number; in a worker, nothing is."""
