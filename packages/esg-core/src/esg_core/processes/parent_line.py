"""A worker's end of the line to its parent: reports its state and receives what to do.

Knows no server. A thread reads the line, because messages, and the death of the parent, must be noticed even while the
application is being imported or blocks the event loop. It stops the server with SIGTERM, as anyone else would.
"""

import contextlib
import faulthandler
import math
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
"""Makes a worker show where its threads are even if none of them gets to run; None where the system lacks it."""


class ParentLine(ThisProcess):
    """The line of one worker, which makes the parent the server's owner; `bound` are the sockets it serves on.

    Once the worker is ready, its event loop sends a heartbeat every `beat` seconds; `inf` sends none.
    """

    is_one_of_many = True

    def __init__(self, line: socket.socket, bound: Sequence[BoundSocket], beat: float) -> None:
        super().__init__(Notifier())
        self._line = line
        self._bound = bound
        self._beat = beat
        self._must_end = False
        self._has_answered = False
        self._stop: Callable[[], None] = _nothing

    def begin(self, stop: Callable[[], None]) -> None:
        """Listen to the parent from now on; SIGQUIT sends it the stacks of all threads. Main thread only.

        `stop` stops the server where there are no signals.
        """
        self._stop = stop
        if sys.platform != "win32":
            signal.signal(signal.SIGQUIT, lambda _number, _frame: self._show())
            if DUMP_SIGNAL is not None:
                faulthandler.register(DUMP_SIGNAL, self._line.fileno(), all_threads=True)
        threading.Thread(target=self._listen, name="esg-parent", daemon=True).start()

    # From the worker to its parent.

    def ready(self, context: "Context", sockets: Sequence[socket.socket]) -> None:
        """Report that clients can connect, and start the heartbeat."""
        self._send(READY)
        if self._beat < math.inf:
            Heartbeat(context.loop, self._beat, self._send_alive)

    def stopping(self, seconds: float) -> None:
        """Limit the time for the drain; the parent knows of it, as it asked for it."""
        self.allow(seconds)

    def limit_reached(self, context: "Context") -> bool:
        """Report it to the parent, which replaces this worker."""
        self._send(LIMIT_REACHED)
        return False

    def failed(self, error: UsageError | StartupError) -> None:
        """Send the parent the reason."""
        self._send(FAILED + as_text("\n".join(explanation(error))))

    def tell(self, line: str, details: str) -> None:
        """Log why this worker ends: the program goes on, or its parent says why it does not."""
        log_error(line, details)

    def may_end(self) -> bool:
        """Whether the parent has asked for the end, true once; without that, the parent is told that a signal came.

        So a signal to all processes of a service ends them as the parent decides, and a signal to one worker replaces
        it without losing a request.
        """
        if not self._must_end:
            self._send(STOP_REQUESTED)
            return False
        is_first, self._has_answered = not self._has_answered, True
        return is_first

    def _show(self) -> None:
        self._send(as_text(stacks()))

    def _send(self, message: bytes) -> None:
        """Send without blocking: a parent that is busy or has gone must not hold up its worker."""
        with contextlib.suppress(OSError):
            self._line.send(message, getattr(socket, "MSG_DONTWAIT", 0))

    def _send_alive(self) -> None:
        self._send(ALIVE)

    # From the parent to the worker.

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
        """Stop the server; the last worker of its slot first accepts the connections in the queue."""
        for one in self._bound:
            one.is_shared = not is_last
        self._must_end = True
        if sys.platform == "win32":
            self._stop()
        else:
            os.kill(os.getpid(), signal.SIGTERM)


def _nothing() -> None:
    """Takes the place of `stop` before `begin()`."""
