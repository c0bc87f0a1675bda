"""The admin address of a parent: opened, served by the parent's own loop, handed over, closed (rules M-3, M-4).

Knows sockets and when to serve them; what is answered comes from a `ParentSource` and the responder.
"""

import logging
import math
import selectors
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from esg_core.errors import ESGError
from esg_core.monitoring.listener import AdminListener
from esg_core.monitoring.opening import announce_admin, make_responder
from esg_core.processes.admin.parent_controls import Parent
from esg_core.processes.admin.parent_source import ParentSource
from esg_core.sockets.bound import BoundSocket

if TYPE_CHECKING:
    from esg_core.options.config import Config


class ParentAdmin:
    """The bound sockets of the admin address, on which nothing is accepted before `open()`.

    Raises `UsageError` or `StartupError` if nothing can answer there.
    """

    def __init__(
        self,
        bound: Sequence[BoundSocket],
        parent: Parent,
        config: "Config",
        selector: selectors.BaseSelector,
    ) -> None:
        self.bound = list(bound)
        self._source = ParentSource(parent, config, [one.sock for one in parent.listeners])
        self._responder = make_responder(config, self._source)
        self._selector = selector
        self._listener: AdminListener | None = None

    @property
    def wakes_at(self) -> float:
        """When `run_due()` has to be called even if nothing happens."""
        return math.inf if self._listener is None else self._listener.wakes_at

    def open(self) -> None:
        """Accept clients from now on."""
        self._listener = AdminListener(self.bound, self._responder, self._selector)

    def open_after(self, line: socket.socket) -> None:
        """Accept clients once the previous program, which is at the other end of `line`, has let go of the address."""
        self._selector.register(line, selectors.EVENT_READ, self._read_predecessor)

    def announce(self) -> None:
        """Log where the admin address is."""
        announce_admin(self.bound)

    def run_due(self, now: float) -> None:
        """Do what is due at this time."""
        if self._listener is not None:
            self._listener.run_due(now)

    def reload_failed(self) -> None:
        """The configuration stays as it is: the new one is wrong, or nothing can serve with it."""
        self._source.reloads.fail()

    def reload(self, config: "Config", now: float) -> None:
        """Go on with a new configuration, which serves: new clients need its token."""
        if config.admin != self._source.config.admin:
            logging.getLogger("esg.error").warning("A new admin address needs a restart of the whole server")
        self._source.config = config
        self._source.reloads.succeed(now)
        try:
            self._responder = make_responder(config, self._source)
        except ESGError as error:  # the file of the token has changed since the configuration was tried
            logging.getLogger("esg.error").error("The admin address keeps its token: %s", error)  # noqa: TRY400 - the text is all
        if self._listener is not None:
            self._listener.responder = self._responder

    def hand_over(self) -> None:
        """The sockets belong to a new program now; clients that are here already get their answers."""
        if self._listener is not None:
            self._listener.hand_over()
            return
        for one in self.bound:  # the program before this one has not let go of it yet
            one.keep_file()
            one.sock.close()

    def close(self) -> None:
        """Close everything that was opened."""
        if self._listener is not None:
            self._listener.close()

    def _read_predecessor(self, line: socket.socket) -> None:
        self._selector.unregister(line)
        line.close()
        self.open()

    def leave_to_parent(self) -> None:
        """In a forked worker: close all descriptors, and change nothing that the parent uses."""
        if self._listener is not None:
            self._listener.leave_to_parent()
        for one in self.bound:
            one.sock.close()
