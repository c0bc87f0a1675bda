"""A worker's end of the line to its parent: reports its state and receives what to do.

Knows no server. A thread reads the line, because messages, and the death of the parent, must be noticed even while the
application is being imported or blocks the event loop. It stops the server with SIGTERM, as anyone else would, and
answers the parent's questions.
"""

import asyncio
import contextlib
import faulthandler
import logging
import math
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from esg_core.admin.contracts import PATIENCE, Question
from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle.failures import explanation
from esg_core.lifecycle.heartbeat import Heartbeat
from esg_core.lifecycle.owner import ThisProcess
from esg_core.lifecycle.systemd import Notifier
from esg_core.lifecycle.watchdog import log_error
from esg_core.logs.rotation import reopen
from esg_core.monitoring.inspection import inspect_process, thread_stacks, to_answer
from esg_core.processes.messages import (
    ALIVE,
    ASK_REQUESTS,
    ASK_STACKS,
    CLOSE,
    FAILED,
    HURRY,
    LIMIT_REACHED,
    READY,
    REOPEN,
    RETIRE,
    SHOW_STACKS,
    STOP_REQUESTED,
    as_text,
    pieces_of,
)
from esg_core.sockets.bound import BoundSocket
from esg_core.waiting import OneTimeEvent

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.figures.publishing import Publisher
    from esg_core.figures.segment import Segment

QUESTIONS = {ASK_STACKS: Question.STACKS, ASK_REQUESTS: Question.REQUESTS}

DUMP_SIGNAL: signal.Signals | None = getattr(signal, "SIGRTMIN", None)
"""Makes a worker show where its threads are even if none of them gets to run; None where the system lacks it."""


class ParentLine(ThisProcess):
    """The line of one worker, which makes the parent the server's owner; `bound` are the sockets it serves on.

    Once the worker is ready, its event loop sends a heartbeat every `beat` seconds; `inf` sends none. Its figures are
    published in `segment`; None publishes none.
    """

    is_one_of_many = True
    serves_admin = False

    def __init__(
        self, line: socket.socket, bound: Sequence[BoundSocket], beat: float, segment: "Segment | None" = None
    ) -> None:
        super().__init__(Notifier())
        self._line = line
        self._bound = bound
        self._beat = beat
        self._segment = segment
        self._publisher: Publisher | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Context | None = None
        self.is_last: OneTimeEvent = OneTimeEvent()
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

    @contextlib.contextmanager
    def sign_of_life(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Keep the loop, whose tasks the parent may ask for, and publish the last figures at its end."""
        self._loop = loop
        try:
            with super().sign_of_life(loop):
                yield
        finally:
            if self._publisher is not None:
                self._publisher.close()

    def ready(self, context: "Context", sockets: Sequence[socket.socket]) -> None:
        """Report that clients can connect, and start the heartbeat."""
        self._context = context
        if self._segment is not None and context.tally is not None:
            from esg_core.figures.publishing import Publisher

            self._publisher = Publisher(context.loop, context.tally, self._segment)
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
        self._send(as_text("\n".join(f"Thread {one['name']}:\n{one['stack']}" for one in thread_stacks())))

    def _send(self, message: bytes) -> None:
        """Send without blocking: a parent that is busy or has gone must not hold up its worker."""
        with contextlib.suppress(OSError):
            self._line.send(message, getattr(socket, "MSG_DONTWAIT", 0))

    def _send_alive(self) -> None:
        self._send(ALIVE)
        if self._publisher is not None:
            self._publisher.publish()

    def _answer(self, question: Question) -> None:
        """Send what this process is doing; whatever cannot be sent while the parent waits for it is left out."""
        gives_up_at = time.monotonic() + PATIENCE
        try:
            answer = to_answer(question, inspect_process(question, self._loop, self._context))
        except Exception as error:  # noqa: BLE001 - an answer that fails must not end the thread
            text = "cannot tell the parent about %s: %r"
            logging.getLogger("esg.error").error(text, question.value, error)  # noqa: TRY400 - the error says it all
            return
        for piece in pieces_of(answer):
            if not self._send_whole(piece, gives_up_at):
                return

    def _send_whole(self, piece: bytes, gives_up_at: float) -> bool:
        """Wait until the kernel takes a piece, which it does whole; returns whether it did in time."""
        while (left := gives_up_at - time.monotonic()) > 0:
            try:
                self._line.send(piece, getattr(socket, "MSG_DONTWAIT", 0))
            except BlockingIOError:
                select.select([], [self._line], [], left)
            except OSError:
                return False
            else:
                return True
        return False

    # From the parent to the worker.

    def _listen(self) -> None:
        while data := self._receive():
            if REOPEN in data:
                reopen()
            if SHOW_STACKS in data:
                self._show()
            for asked, question in QUESTIONS.items():
                if asked in data:
                    self._answer(question)
            if HURRY in data:
                self.is_last.reach_from_anywhere(self._loop)
            if CLOSE in data or RETIRE in data:
                self._end(has_successor=RETIRE in data)
        self.is_last.reach_from_anywhere(self._loop)
        self._end(has_successor=False)

    def _receive(self) -> bytes:
        """What the parent has sent; nothing once it has gone."""
        try:
            return self._line.recv(16)
        except OSError:
            return b""

    def _end(self, *, has_successor: bool) -> None:
        """Stop the server, once; without a successor in its slot, it first accepts the connections in the queue."""
        if self._must_end:
            return
        for one in self._bound:
            one.is_shared = has_successor
        self._must_end = True
        if sys.platform == "win32":
            self._stop()
        else:
            os.kill(os.getpid(), signal.SIGTERM)


def _nothing() -> None:
    """Takes the place of `stop` before `begin()`."""
