"""The signals that stop a server, for as long as it runs (rule L-2).

Uses plain handlers of `signal`, not the event loop's: they run even while the application blocks the loop, so a second
signal always works.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM]
"""Sent by CTRL+C, by a supervisor, and on Windows by CTRL+BREAK too."""

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
