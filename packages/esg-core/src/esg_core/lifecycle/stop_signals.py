"""The signals that stop a server, for as long as it runs (rule L-2).

Plain handlers of `signal`, not of the event loop: they run although the application blocks the loop, so a second signal
always has its effect.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM]
"""What asks a server to stop: CTRL+C, a supervisor, and on Windows CTRL+BREAK too."""

if sys.platform == "win32":
    STOP_SIGNALS.append(signal.SIGBREAK)


@contextlib.contextmanager
def handled(handler: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call `handler` for each signal that is to stop the server; afterwards the former handlers are back.

    Does nothing outside the main thread, where Python knows no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        handler(signal.Signals(number))

    former = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, previous in former.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)


@contextlib.contextmanager
def borrowed(handler: Callable[[signal.Signals], None]) -> Iterator[None]:
    """As `handled()`; and each signal that has come is raised again at the end, the last one first.

    The program that the server is embedded in is to end as well, in the way that it has for the signal. Nothing is
    raised after an exception.
    """
    came: list[signal.Signals] = []

    def note(number: signal.Signals) -> None:
        came.append(number)
        handler(number)

    with handled(note):
        yield
    for number in reversed(came):
        signal.raise_signal(number)
