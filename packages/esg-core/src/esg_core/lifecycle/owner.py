"""The owner of the process in which a server runs, as the server sees it.

A server asks its owner whether a signal may end it, tells it how it does, and says how long it may take before each
step that can hang. `Owner` is that of a program with a server embedded in it: it has none of this. `ThisProcess` is
that of a process which exists for its server; the parent of workers (`esg_core.processes.parent_line`) and gunicorn
(`esg.workers`) are others.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle.announcements import announce_addresses, url
from esg_core.lifecycle.failures import report, show
from esg_core.lifecycle.stop_signals import borrowed, handled
from esg_core.lifecycle.systemd import Notifier
from esg_core.lifecycle.watchdog import Watchdog

if TYPE_CHECKING:
    from esg_core.context import Context


class Owner:
    """The owner of an embedded server: nothing watches over it, and each signal that comes is for it first."""

    @contextlib.contextmanager
    def handling_signals(self, on_signal: Callable[[signal.Signals], None]) -> Iterator[None]:
        """Have `on_signal` called for each signal that stops a server; the program gets it afterwards."""
        with borrowed(on_signal):
            yield

    def may_end(self) -> bool:
        """Whether a signal that has come is one to end the server."""
        return True

    def allow(self, seconds: float | None) -> None:
        """The next step may take so many seconds; None leaves it the time that it has."""

    def leave(self, reason: str, details: str = "") -> None:
        """The process is to end at once, if it is the server's to end."""

    def leave_as_wanted(self) -> None:
        """The same after a second signal."""

    def before_leaving(self, last_act: Callable[[], None]) -> None:
        """What is to be done even if the process ends by force."""

    @contextlib.contextmanager
    def sign_of_life(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Tell that the loop turns, from the start-up to the end, if anything outside wants to know."""
        yield

    def ready(self, context: "Context", sockets: Sequence[socket.socket]) -> None:
        """Clients can come."""
        announce_addresses(sockets, tls=context.config.tls)

    def limit_reached(self, context: "Context") -> bool:
        """As many requests have begun as the server may serve; returns whether it is to stop by itself."""
        context.logger.info("Limit of %d requests reached: shutting down", context.requests)
        return True

    def stopping(self, seconds: float | None) -> None:
        """The end has begun, and may take so many seconds; None for any number."""
        self.allow(seconds)


class ThisProcess(Owner):
    """A process that exists for its server: a watchdog ends it in time, and systemd is told how it does."""

    is_one_of_many = False
    """Whether other processes serve the same sockets, and write to the same log."""

    def __init__(self, notifier: Notifier) -> None:
        self._watchdog = Watchdog(self.tell)
        self._notifier = notifier

    @contextlib.contextmanager
    def handling_signals(self, on_signal: Callable[[signal.Signals], None]) -> Iterator[None]:
        """As `Owner.handling_signals`, but what stops the server has then had its effect on the process."""
        with handled(on_signal):
            yield

    def begin(self, stop: Callable[[], None]) -> None:
        """The server is about to start; `stop` ends it, from whatever thread."""

    def failed(self, error: UsageError | StartupError) -> None:
        """The server cannot start."""
        report(error)

    def dismiss(self) -> None:
        """The server has ended."""
        self._watchdog.dismiss()

    def allow(self, seconds: float | None) -> None:
        """As `Owner.allow`, within the time that the watchdog then gives."""
        if seconds is not None:
            self._watchdog.allow(seconds)

    def leave(self, reason: str, details: str = "") -> NoReturn:
        """End the process by force, and say why."""
        self._watchdog.leave(reason, details)

    def leave_as_wanted(self) -> NoReturn:
        """End the process by force, which is no error."""
        self._watchdog.leave_as_wanted()

    def tell(self, line: str, details: str) -> None:
        """Say why the process ends, if that is an error."""
        show(line, details)

    def before_leaving(self, last_act: Callable[[], None]) -> None:
        """As `Owner.before_leaving`: the watchdog does it before it ends the process."""
        self._watchdog.before_exit.append(last_act)

    @contextlib.contextmanager
    def sign_of_life(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Feed systemd's watchdog, if it has one."""
        self._notifier.start_pinging(loop)
        try:
            yield
        finally:
            self._notifier.stop_pinging()

    def ready(self, context: "Context", sockets: Sequence[socket.socket]) -> None:
        """Say so in the log, and to systemd."""
        super().ready(context, sockets)
        urls = ", ".join(url(sock, tls=context.config.tls) for sock in sockets)
        self._notifier.ready(f"Serving on {urls}")

    def stopping(self, seconds: float | None) -> None:
        """As `Owner.stopping`, told to systemd too."""
        super().stopping(seconds)
        self._notifier.stopping(seconds)
