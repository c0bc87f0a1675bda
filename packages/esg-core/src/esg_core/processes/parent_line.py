"""A worker's end of the line to its parent: says how it is, and hears what it is to do.

Knows no server. A thread hears, because the parent must be heard, and its death noticed, while the application is
imported or blocks the event loop; what it hears it tells the server by SIGTERM, as everybody else would.
"""

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle.failures import explanation
from esg_core.lifecycle.heartbeat import Heartbeat
from esg_core.lifecycle.owner import ThisProcess
from esg_core.lifecycle.systemd import Notifier
from esg_core.lifecycle.watchdog import log_error
from esg_core.logs.rotation import reopen
from esg_core.processes.messages import (
    ALIVE,
    CLOSE,
    FAILED,
    LIMIT_REACHED,
    READY,
    REOPEN,
    RETIRE,
    SHOW_STACKS,
    STOP_REQUESTED,
    as_text,
)
from esg_core.processes.thread_stacks import stacks
from esg_core.sockets.bound import BoundSocket

if TYPE_CHECKING:
    from esg_core.context import Context

DUMP_SIGNAL: signal.Signals | None = getattr(signal, "SIGRTMIN", None)
"""What makes a worker say where its threads are, although none of them gets to run; None where there is none."""


class ParentLine(ThisProcess):
    """The line of one worker, whose owner the parent is; `bound` are the sockets that it serves on.

    A sign of life is given every `beat` seconds, by the event loop itself, once the worker is ready; None for never.
    """

    is_one_of_many = True

    def __init__(self, line: socket.socket, bound: Sequence[BoundSocket], beat: float | None) -> None:
        super().__init__(Notifier())
        self._line = line
        self._bound = bound
        self._beat = beat
        self._must_end = False
        self._has_answered = False
        self._stop: Callable[[], None] = _nothing

    def begin(self, stop: Callable[[], None]) -> None:
        """Listen to the parent from now on; SIGQUIT tells it what the threads are doing. In the main thread only.

        `stop` stops the server where there are no signals.
        """
        self._stop = stop
        if sys.platform != "win32":
            signal.signal(signal.SIGQUIT, lambda _number, _frame: self._show())
            if DUMP_SIGNAL is not None:
                faulthandler.register(DUMP_SIGNAL, self._line.fileno(), all_threads=True)
        threading.Thread(target=self._listen, name="esg-parent", daemon=True).start()

    # What the worker has to say.

    def ready(self, context: "Context", sockets: Sequence[socket.socket]) -> None:
        """Clients can come."""
        self._send(READY)
        if self._beat is not None:
            Heartbeat(context.loop, self._beat, self._send_alive)

    def stopping(self, seconds: float | None) -> None:
        """The end has begun, by the parent's order."""
        self.allow(seconds)

    def limit_reached(self, context: "Context") -> bool:
        """As many requests have begun as this worker is to serve: the parent replaces it."""
        self._send(LIMIT_REACHED)
        return False

    def failed(self, error: UsageError | StartupError) -> None:
        """The worker cannot start."""
        self._send(FAILED + as_text("\n".join(explanation(error))))

    def tell(self, line: str, details: str) -> None:
        """Why this worker ends; the program goes on, or its parent says why it does not."""
        log_error(line, details)

    def may_end(self) -> bool:
        """Whether a signal that has come is the parent's order to end: true once, and otherwise the parent is asked.

        So a signal to all processes of a service ends them in the parent's order, and one to a single worker replaces
        that worker without a loss.
        """
        if not self._must_end:
            self._send(STOP_REQUESTED)
            return False
        is_first, self._has_answered = not self._has_answered, True
        return is_first

    def _show(self) -> None:
        self._send(as_text(stacks()))

    def _send(self, message: bytes) -> None:
        """A parent that does not listen, or has gone, must not hold up its worker."""
        with contextlib.suppress(OSError):
            self._line.send(message, getattr(socket, "MSG_DONTWAIT", 0))

    def _send_alive(self) -> None:
        self._send(ALIVE)

    # What the parent has to say.

    def _listen(self) -> None:
        while not self._must_end:
            try:
                data = self._line.recv(16)
            except OSError:
                data = b""
            if REOPEN in data:
                reopen()
            if SHOW_STACKS in data:
                self._show()
            if not data or CLOSE in data:
                self._end(is_last=True)
            elif RETIRE in data:
                self._end(is_last=False)

    def _end(self, *, is_last: bool) -> None:
        """End; the last one at its place leaves nobody behind who waits to be accepted."""
        for one in self._bound:
            one.is_shared = not is_last
        self._must_end = True
        if sys.platform == "win32":
            self._stop()
        else:
            os.kill(os.getpid(), signal.SIGTERM)


def _nothing() -> None:
    """What is done with an order before anybody can follow it."""
