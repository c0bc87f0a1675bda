"""The signals that stop a server, for as long as it runs (rule L-2).

Uses plain handlers of `signal`, not the event loop's: they run even while the application blocks the loop, so a second
signal always works.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM]
"""Sent by CTRL+C, by a supervisor, and on Windows by CTRL+BREAK too."""

NO_DESCRIPTOR = -1
"""What `signal` calls the descriptor that signals wake something by, where there is none."""

if sys.platform == "win32":
    STOP_SIGNALS.append(signal.SIGBREAK)


@contextlib.contextmanager
def handled(handler: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call `handler` for each stop signal inside the `with` block; then restore the previous handlers.

    Does nothing outside the main thread, where Python handles no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        handler(signal.Signals(number))

    saved = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, previous in saved.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)


@contextlib.contextmanager
def borrowed(handler: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Like `handled()`, but raises each signal that came again at the end, the last one first.

    The program that embeds the server then ends in its own way. No signal is raised after an exception.
    """
    came: list[signal.Signals] = []

    def note(number: signal.Signals) -> None:
        came.append(number)
        handler(number)

    with handled(note):
        yield
    for number in reversed(came):
        signal.raise_signal(number)


@contextlib.contextmanager
def waking(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let signals end the wait of an idle loop, inside the `with` block.

    Handlers run in the main thread. A signal that arrives in another one, or just before the main thread begins to
    wait, would be handled when something else happens. Does nothing where signals wake a loop already, as uvloop's do,
    or outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        writing.setblocking(False)
        previous = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        if previous != NO_DESCRIPTOR:
            signal.set_wakeup_fd(previous)
            yield
            return
        loop.add_reader(reading, reading.recv, 4096)
        try:
            yield
        finally:
            loop.remove_reader(reading)
            current = signal.set_wakeup_fd(NO_DESCRIPTOR)
            if current != writing.fileno():  # the application has let another loop handle signals
                signal.set_wakeup_fd(current)
