"""Ends the process if it does not end by itself (rule L-2): the application may block the loop or refuse to stop.

A thread, because the event loop itself may hang; it is started when the first time limit is set. It belongs to the
owner of the process (`esg_core.run`), never to a server that is embedded in a program.
"""

import contextlib
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

FORCED = 1
"""The exit code of a process that did not end by itself (rule C-2)."""

FLUSH_PATIENCE = 0.5
"""Seconds for the last words: what log handlers and standard streams still hold."""

SECOND_SIGNAL = "Second signal: stopping at once"

STDERR = 2

Say = Callable[[str, str], None]
"""Reports why the process ends: in one line, and with details."""


def log_error(line: str, details: str) -> None:
    """Log why the process ends."""
    logging.getLogger("esg.error").error("%s", f"{line}\n{details}".rstrip("\n"))


class Watchdog:
    """Ends the process with the exit code `FORCED` when the time last allowed is over.

    It watches the thread that creates it. `before_exit` are functions to call before the process ends by force, after
    `say` has reported why.
    """

    def __init__(self, say: Say = log_error) -> None:
        self.before_exit: list[Callable[[], None]] = []
        self._say = say
        self._deadline: float | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._watched = threading.get_ident()

    def allow(self, seconds: float) -> None:
        """Give the process this many seconds from now, whatever it was allowed before."""
        self._set(time.monotonic() + seconds)
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="esg-watchdog", daemon=True)
            self._thread.start()

    def dismiss(self) -> None:
        """Stop watching: the process has ended in time, or runs for other reasons."""
        self._set(None)

    def leave(self, reason: str, details: str = "") -> NoReturn:
        """End the process now, from any thread; what cannot be flushed within half a second is lost."""
        self._leave(lambda: self._say(reason, details))

    def leave_as_wanted(self) -> NoReturn:
        """End the process now after a second signal, which is not an error."""
        self._leave(_warn_of_second_signal, SECOND_SIGNAL)

    def _leave(self, say: Callable[[], None], otherwise: str = "") -> NoReturn:
        """Say why, and end; `otherwise` is written where that hangs: the thread that got the signal has the log."""
        if not _within(FLUSH_PATIENCE, lambda: _say_and_flush(say)) and otherwise:
            _within(FLUSH_PATIENCE, lambda: os.write(STDERR, f"{otherwise}\n".encode()))
        for last in self.before_exit:
            _within(FLUSH_PATIENCE, last)
        os._exit(FORCED)

    def _set(self, deadline: float | None) -> None:
        with self._changed:  # a lock that a signal handler may take again
            self._deadline = deadline
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while self._deadline is None or self._deadline > time.monotonic():
                self._changed.wait(None if self._deadline is None else self._deadline - time.monotonic())
        self.leave("did not stop in time: stopped by force", f"It was here:\n{self._place()}")

    def _place(self) -> str:
        """What the watched thread is doing: where the application blocks the event loop."""
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - documented, and the only way to another thread
        return "".join(traceback.format_stack(frame)).rstrip() if frame is not None else "its thread has ended"


def _warn_of_second_signal() -> None:
    logging.getLogger("esg.error").warning(SECOND_SIGNAL)


def _say_and_flush(say: Callable[[], None]) -> None:
    say()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _within(seconds: float, function: Callable[[], object]) -> bool:
    """Call a function that may hang on a lock or on a pipe without a reader; returns whether it has finished."""

    def call() -> None:
        with contextlib.suppress(Exception):
            function()

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()
