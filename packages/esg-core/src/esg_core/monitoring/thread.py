"""The admin address of a server of one process: served by a thread of its own (rules M-3, M-4).

The event loop could not answer while the application blocks it, which is when operators ask. The thread sleeps until a
client comes, and ends with the server.
"""

import contextlib
import math
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from esg_core.monitoring.listener import AdminListener
from esg_core.monitoring.opening import announce_admin, bind_admin, check_admin, make_responder
from esg_core.monitoring.process_source import ProcessSource

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.figures.publishing import Publisher
    from esg_core.options.config import Config

LAST_WRITES = 1.0
"""Seconds for the thread to end: it may be in the middle of an answer."""


class ThreadedAdmin:
    """The admin address that the options name, bound; raises `UsageError` or `StartupError`."""

    def __init__(self, config: "Config") -> None:
        check_admin(config)
        self._config = config
        self._bound = bind_admin(config)
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._listener: AdminListener | None = None
        self._publisher: Publisher | None = None
        self._thread = threading.Thread(target=self._serve, name="esg-admin", daemon=True)
        self._is_over = False

    def start(
        self, context: "Context", stop: Callable[[], None], listeners: Callable[[], Iterable[socket.socket]]
    ) -> None:
        """Serve the figures of a context from now on; called in the thread of its loop.

        `stop` ends its server, `listeners` gives the sockets of that.
        """
        if context.tally is not None:
            from esg_core.figures.publishing import Publisher

            self._publisher = Publisher(context.loop, context.tally)
        responder = make_responder(self._config, ProcessSource(context, stop, listeners))
        self._selector.register(self._woken, selectors.EVENT_READ, self._stop_waiting)
        self._listener = AdminListener(self._bound, responder, self._selector)
        self._thread.start()

    def announce(self) -> None:
        """Log where the admin address is."""
        announce_admin(self._bound)

    def unlink(self) -> None:
        """Remove the file of a UNIX socket, if there is one."""
        for one in self._bound:
            one.unlink()

    def close(self) -> None:
        """End the thread and close everything; called in the thread of the loop."""
        if self._publisher is not None:
            self._publisher.close()
        self._is_over = True
        self._wake.close()
        if self._thread.is_alive():
            self._thread.join(LAST_WRITES)
        if self._listener is None:
            for one in self._bound:
                one.close()
            self._release()

    def _serve(self) -> None:
        assert self._listener is not None
        while not self._is_over:
            wakes_at = self._listener.wakes_at
            for key, _ in self._selector.select(
                None if wakes_at == math.inf else max(0.0, wakes_at - time.monotonic())
            ):
                key.data(key.fileobj)
            self._listener.run_due(time.monotonic())
        self._listener.close()
        self._release()

    def _stop_waiting(self, _woken: socket.socket) -> None:
        """The other end is closed: the loop of the thread sees that the server has ended."""

    def _release(self) -> None:
        self._selector.close()
        self._woken.close()


@contextlib.contextmanager
def threaded_admin(config: "Config") -> Iterator[ThreadedAdmin]:
    """The admin address of this process until the `with` block ends."""
    admin = ThreadedAdmin(config)
    try:
        yield admin
    finally:
        admin.close()
