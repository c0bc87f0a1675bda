"""Signals of a parent and of its workers.

A parent does nothing in its signal handlers: each signal becomes a number that its loop reads from a socket. Workers
start with signals blocked, so that none ends a worker before it can handle it; later those meant for the parent have no
effect.
"""

import contextlib
import signal
import socket
import sys
from collections.abc import Iterator

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGCHLD", "SIGBREAK")
"""Signals that a parent handles, where the system has them."""

FOR_PARENT = ("SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGBREAK")
"""Signals meant for the parent, though a terminal may send them to the whole process group."""


def known(*names: str) -> list[signal.Signals]:
    """The signals with these names, without those that the system lacks."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


@contextlib.contextmanager
def as_bytes() -> Iterator[socket.socket]:
    """A socket that delivers the numbers of signals, until the `with` block ends; main thread only."""
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
    """Block these signals, by default those for the parent, in processes that are started inside the block."""
    if sys.platform == "win32":
        yield
        return
    saved = signal.pthread_sigmask(signal.SIG_BLOCK, known(*(names or FOR_PARENT)))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, saved)


def leave_to_parent() -> None:
    """In a worker: ignore signals that are for the parent.

    With a handler, not with `SIG_IGN`, which processes started by the application would inherit.
    """
    for number in known(*FOR_PARENT):
        signal.signal(number, _pass)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, known(*FOR_PARENT))


def _pass(_number: int, _frame: object) -> None:
    """In a parent, the reader of the socket handles the signal; in a worker it has no effect."""
