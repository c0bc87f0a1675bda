"""The owner of the process in which a server runs, as the server sees it.

A server asks its owner whether a signal may end it, reports its state to it, and announces how long each step that can
hang may take. `Owner` stands for a program with an embedded server, and does almost nothing. `ThisProcess` stands for a
process that exists for its server; the parent of workers (`esg_core.processes.parent_line`) and gunicorn
(`esg.workers`) are others.
"""

import asyncio
import contextlib
import math
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from esg_core.errors import StartupError, UsageError
from esg_core.lifecycle import garbage
from esg_core.lifecycle.announcements import announce_addresses, url
from esg_core.lifecycle.failures import report, show
from esg_core.lifecycle.stop_signals import borrowed, handled
from esg_core.lifecycle.systemd import Notifier
from esg_core.lifecycle.watchdog import Watchdog

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.sockets.tickets import TicketKeys
    from esg_core.waiting import OneTimeEvent


class Owner:
    """The owner of an embedded server: no watchdog, and signals reach the server first, then the program.

    `serves_admin` is false if the owner serves the admin address itself. `is_last` happens once no other process goes
    on serving when this server ends; None if none ever does. `tickets` has the keys of TLS tickets that its other
    servers use; None if it has no others.
    """

    serves_admin = True
    is_last: "OneTimeEvent | None" = None
    tickets: "TicketKeys | None" = None

    @contextlib.contextmanager
    def handling_signals(self, on_signal: Callable[[signal.Signals], None]) -> Iterator[None]:
        """Call `on_signal` for each signal that stops a server; the program gets the signal afterwards."""
        with borrowed(on_signal):
            yield

    def may_end(self) -> bool:
        """Whether a signal that has come may end the server."""
        return True

    def allow(self, seconds: float) -> None:
        """Limit the next step to this many seconds; `inf` keeps the present limit."""

    def leave(self, reason: str, details: str = "") -> None:
        """End the process at once, if it exists for the server."""

    def leave_as_wanted(self) -> None:
        """End it at once after a second signal."""

    def before_leaving(self, last_act: Callable[[], None]) -> None:
        """Register what must be done even if the process ends by force."""

    @contextlib.contextmanager
    def sign_of_life(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Report that the event loop runs, from start-up to the end, if a supervisor asks for it."""
        yield

    def assembled(self, context: "Context") -> None:
        """Take note of the context of a server whose application is about to start up."""

    def started_up(self) -> None:
        """The application has started up, and clients come next."""

    def ready(self, context: "Context", sockets: Sequence[socket.socket]) -> None:
        """Report that clients can connect."""
        announce_addresses(sockets, tls=context.config.tls)

    def limit_reached(self, context: "Context") -> bool:
        """Handle the request limit, which is reached; returns whether the server has to stop."""
        context.logger.info("Limit of %d requests reached: shutting down", context.requests)
        return True

    def stopping(self, seconds: float) -> None:
        """Report that the server is stopping, which may take this many seconds; `inf` for no limit."""
        self.allow(seconds)


class ThisProcess(Owner):
    """A process that exists for its server: a watchdog ends it in time, and systemd is told its state."""

    is_one_of_many = False
    """Whether other processes serve the same sockets and write to the same log."""

    def __init__(self, notifier: Notifier) -> None:
        self._watchdog = Watchdog(self.tell)
        self._notifier = notifier

    @contextlib.contextmanager
    def handling_signals(self, on_signal: Callable[[signal.Signals], None]) -> Iterator[None]:
        """Call `on_signal` for each signal that stops a server; it has no further effect on the process."""
        with handled(on_signal):
            yield

    def begin(self, stop: Callable[[], None]) -> None:
        """The server is about to start; `stop` ends it, from any thread."""

    def failed(self, error: UsageError | StartupError) -> None:
        """The server cannot start."""
        report(error)

    def dismiss(self) -> None:
        """The server has ended."""
        self._watchdog.dismiss()
        garbage.take_back()

    def allow(self, seconds: float) -> None:
        """Let the watchdog end the process after this many seconds; `inf` keeps the present limit."""
        if seconds < math.inf:
            self._watchdog.allow(seconds)

    def leave(self, reason: str, details: str = "") -> NoReturn:
        """End the process by force, and say why."""
        self._watchdog.leave(reason, details)

    def leave_as_wanted(self) -> NoReturn:
        """End the process by force, which is not an error after a second signal."""
        self._watchdog.leave_as_wanted()

    def tell(self, line: str, details: str) -> None:
        """Show the error that ends the process."""
        show(line, details)

    def before_leaving(self, last_act: Callable[[], None]) -> None:
        """Register what the watchdog does before it ends the process."""
        self._watchdog.before_exit.append(last_act)

    @contextlib.contextmanager
    def sign_of_life(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Ping systemd's watchdog, if it is on."""
        self._notifier.start_pinging(loop)
        try:
            yield
        finally:
            self._notifier.stop_pinging()

    def started_up(self) -> None:
        """Exempt what start-up has made from garbage collection."""
        garbage.set_aside()

    def ready(self, context: "Context", sockets: Sequence[socket.socket]) -> None:
        """Log the addresses, and tell systemd."""
        super().ready(context, sockets)
        urls = ", ".join(url(sock, tls=context.config.tls) for sock in sockets)
        self._notifier.ready(f"Serving on {urls}")

    def stopping(self, seconds: float) -> None:
        """Set the watchdog, and tell systemd."""
        super().stopping(seconds)
        self._notifier.stopping(seconds)
