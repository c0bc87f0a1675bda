"""A worker's end of the line to its parent: says how it is, and hears what it is to do.

Knows no server. A thread hears, because the parent must be heard, and its death noticed, while the application is
imported or blocks the event loop; what it hears it tells the server by SIGTERM, as everybody else would.
"""

import asyncio
import contextlib
import faulthandler
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence

from esg_core.logs.rotation import reopen
from esg_core.processes.messages import ALIVE, CLOSE, FAILED, READY, REOPEN, RETIRE, SHOW, SPENT, WISH, as_text
from esg_core.processes.thread_stacks import stacks
from esg_core.sockets.bound import BoundSocket

DUMP_SIGNAL: signal.Signals | None = getattr(signal, "SIGRTMIN", None)
"""What makes a worker say where its threads are, although none of them gets to run; None where there is none."""


class ParentLine:
    """The line of one worker; `bound` are the sockets that it serves on.

    A sign of life is given every `beat` seconds, by the event loop itself, once the worker is ready; None for never.
    """

    def __init__(self, line: socket.socket, bound: Sequence[BoundSocket], beat: float | None) -> None:
        self._line = line
        self._bound = bound
        self._beat = beat
        self._is_ordered = False
        self._has_answered = False
        self._on_order: Callable[[], None] = _nothing

    def open(self, on_order: Callable[[], None]) -> None:
        """Listen to the parent from now on; SIGQUIT tells it what the threads are doing. In the main thread only.

        `on_order` stops the server where there are no signals.
        """
        self._on_order = on_order
        if sys.platform != "win32":
            signal.signal(signal.SIGQUIT, lambda _number, _frame: self._show())
            if DUMP_SIGNAL is not None:
                faulthandler.register(DUMP_SIGNAL, self._line.fileno(), all_threads=True)
        threading.Thread(target=self._listen, name="esg-parent", daemon=True).start()

    # What the worker has to say.

    def ready(self, loop: asyncio.AbstractEventLoop) -> None:
        """Clients can come."""
        self._say(READY)
        if self._beat is not None:
            self._live(loop, self._beat)

    def spent(self) -> None:
        """As many requests have begun as this worker is to serve."""
        self._say(SPENT)

    def failed(self, reason: str) -> None:
        """The worker cannot start."""
        self._say(FAILED + as_text(reason))

    def may_end(self) -> bool:
        """Whether a signal that has come is the parent's order to end: true once, and otherwise the parent is asked.

        So a signal to all processes of a service ends them in the parent's order, and one to a single worker replaces
        that worker without a loss.
        """
        if not self._is_ordered:
            self._say(WISH)
            return False
        is_first, self._has_answered = not self._has_answered, True
        return is_first

    def _show(self) -> None:
        self._say(as_text(stacks()))

    def _say(self, message: bytes) -> None:
        """A parent that does not listen, or has gone, must not hold up its worker."""
        with contextlib.suppress(OSError):
            self._line.send(message, getattr(socket, "MSG_DONTWAIT", 0))

    def _live(self, loop: asyncio.AbstractEventLoop, beat: float) -> None:
        self._say(ALIVE)
        loop.call_later(beat, self._live, loop, beat)

    # What the parent has to say.

    def _listen(self) -> None:
        while not self._is_ordered:
            try:
                data = self._line.recv(16)
            except OSError:
                data = b""
            if REOPEN in data:
                reopen()
            if SHOW in data:
                self._show()
            if not data or CLOSE in data:
                self._order(is_last=True)
            elif RETIRE in data:
                self._order(is_last=False)

    def _order(self, *, is_last: bool) -> None:
        """End; the last one at its place leaves nobody behind who waits to be accepted."""
        for one in self._bound:
            one.is_shared = not is_last
        self._is_ordered = True
        if sys.platform == "win32":
            self._on_order()
        else:
            os.kill(os.getpid(), signal.SIGTERM)


def _nothing() -> None:
    """What is done with an order before anybody can follow it."""


__all__ = ["DUMP_SIGNAL", "ParentLine"]
