"""Handles the signals that end the reloader, while it runs."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

URGENT = frozenset(getattr(signal, name) for name in ("SIGQUIT",) if hasattr(signal, name))
"""Signals that end everything at once."""

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
"""Sent by CTRL+C, a supervisor, a closed terminal, CTRL+\\, and on Windows by CTRL+BREAK."""


@contextlib.contextmanager
def handled(handler: Callable[[int], None]) -> Iterator[None]:
    """Call `handler` for each signal that ends the reloader, inside the `with` block; then restore the old handlers.

    SIGHUP stays ignored if it was, as with `nohup`. Does nothing outside the main thread, where Python handles no
    signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        handler(number)

    saved = {number: signal.signal(number, handle) for number in _signals()}
    try:
        yield
    finally:
        for number, previous in saved.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)


def named(number: int) -> str:
    """The name of a signal, or its number if it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _signals() -> Iterator[signal.Signals]:
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            yield number
