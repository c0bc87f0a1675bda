"""Accepts connections on one listening socket, as many as there is room for.

ESG does not use `loop.create_server()` because of what happens when descriptors run out (rule H-20): libuv then closes
the clients that wait, and asyncio logs a traceback for every place in the backlog. Here accepting pauses until there
are descriptors again. And clients that the kernel has let in are still accepted at the end (rule L-2): cancelling
`loop.sock_accept()` could lose a connection, so it is only for loops that have nothing better.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from esg_core.sockets.accepted import AcceptedSocket, accepting
from esg_core.sockets.bound import BoundSocket
from esg_core.turns import PolledStretch

if TYPE_CHECKING:
    from esg_core.sockets.shared_queue import SharedQueue

BATCH = 16
"""Connections accepted before others get their turn, or more after a long turn."""

BATCH_TIME = 0.002
"""Seconds that so many take at most, including the time to set them up."""

PAUSE = 0.5
"""Seconds before accepting is tried again after descriptors have run out."""

GONE = (
    errno.ECONNABORTED,
    errno.EPERM,
    errno.EPROTO,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.EOPNOTSUPP,
    errno.ENOPROTOOPT,
)
"""Errors of `accept()` that concern one client: see accept(2). All others concern this process or the system."""


class Acceptor:
    """Passes each accepted connection, non-blocking, to `give`, and each error that makes accepting pause to `warn`."""

    def __init__(
        self, bound: BoundSocket, give: Callable[[socket.socket], None], warn: Callable[[OSError], None]
    ) -> None:
        self.bound = bound
        self._queue = _queue_of(bound)
        self._accept_one = accepting(bound.sock, AcceptedSocket) if self._queue is None else self._queue.accept
        self._give = give
        self._warn = warn
        self._loop = asyncio.get_running_loop()
        self._stretch = PolledStretch(BATCH_TIME, self._loop.time, self._loop.call_soon)
        self._backlog = 0
        self._pause: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, backlog: int) -> None:
        """Listen and accept; raises `StartupError` if another program listens on the address meanwhile."""
        self.bound.listen(backlog)
        self._backlog = backlog
        self._watch()

    async def stop(self) -> None:
        """Accept the clients in the kernel's queue, unless other processes will, and close the socket.

        Does nothing the second time.
        """
        backlog, self._backlog = self._backlog, 0
        if self._queue is not None:
            self._queue.close()  # before the last look, or its connections would raise the others' mean
        self.bound.unlink()
        if backlog:
            await self._unwatch()
            if not self.bound.is_shared:
                await self._empty(backlog)
        self.bound.close()

    def _watch(self) -> None:
        self._pause = None
        if self._queue is not None:
            self._queue.open()
        try:
            self._loop.add_reader(self.bound.sock, self._accept)
        except NotImplementedError:  # the proactor of Windows
            self._task = self._loop.create_task(self._accept_one_by_one())

    async def _unwatch(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        elif self._task is None:
            self._loop.remove_reader(self.bound.sock)
        else:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _accept(self) -> None:
        """There are clients to accept."""
        try:
            most = int(BATCH * self._stretch.times())
            room = most if self._queue is None else self._queue.room()
            if room is None:
                assert self._queue is not None
                self._leave(self._queue.pause, self._come_back)
            elif self._take(min(room, most)) == most:
                self._stretch.goes_on()
        except OSError as error:
            if error.errno not in GONE:
                if self._queue is not None:
                    self._queue.close()
                self._leave(PAUSE, self._watch)
                self._warn(error)

    def _leave(self, seconds: float, and_then: Callable[[], None]) -> None:
        """Do not watch the queue for a while."""
        self._loop.remove_reader(self.bound.sock)
        self._pause = self._loop.call_later(seconds, and_then)

    def _come_back(self) -> None:
        """Look at the queue again, whether or not anything waits: that ends standing back."""
        self._pause = None
        self._accept()
        if self._pause is None:
            self._watch()

    async def _accept_one_by_one(self) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self.bound.sock)
            except OSError as error:
                if error.errno not in GONE:
                    self._warn(error)
                    await asyncio.sleep(PAUSE)
            else:
                self._give(connection)

    async def _empty(self, backlog: int) -> None:
        """Accept everything that the kernel's queue can hold, in batches as usual."""
        try:
            while backlog > 0 and self._take(BATCH) == BATCH:
                backlog -= BATCH
                await asyncio.sleep(0)
        except OSError as error:
            self._warn(error)

    def _take(self, most: int) -> int:
        """Accept up to `most` of the clients that wait; returns how many."""
        for taken in range(most):
            try:
                connection = self._accept_one()
            except (BlockingIOError, InterruptedError):
                return taken
            connection.setblocking(False)
            self._give(connection)
        return most


def _queue_of(bound: BoundSocket) -> "SharedQueue | None":
    """The queue of a socket that several workers share; None if this process accepts alone."""
    if bound.holding is None:
        return None
    from esg_core.sockets.shared_queue import SharedQueue

    return SharedQueue(bound.sock, bound.holding)
