"""What waits for a client that reads more slowly than the application answers (rule I-4).

Up to a bound the thread goes on: some parts are kept in memory, the rest in a temporary file. Beyond it the thread
waits until there is room or the response is abandoned. The event loop calls `free()`, `read()` and `close()`, the
thread everything else; each attribute is changed by only one of them.
"""

import logging
import os
import threading
from typing import Protocol

from esg_core.app.forked_children import end_child
from esg_core.app.wsgi.shared import Shared
from esg_core.app.wsgi.spool import Spool

MOST_PARTS = 4096
"""Parts that may wait in memory: small ones cost more than what they hold."""


class Abandoned(Protocol):
    """The call that a backlog belongs to."""

    is_abandoned: bool
    """Whether the response is no longer wanted."""


class Backlog:
    """What waits: `parts`, the list of those in memory, and behind them a temporary file."""

    __slots__ = ("_has_file", "_parts", "_put", "_room", "_shared", "_spool", "_taken")

    def __init__(self, shared: Shared, parts: list[bytes]) -> None:
        self._shared = shared
        self._parts = parts
        self._put = sum(map(len, parts))
        self._taken = 0
        self._room = threading.Event()
        self._spool: Spool | None = None
        self._has_file = shared.bounds.in_file > 0

    # The thread.

    def put(self, data: memoryview) -> memoryview:
        """Add what there is room for; returns the rest."""
        if self._fits(len(data)):
            self._put += len(data)
            self._parts.append(bytes(data))
            return data[:0]
        if not self._has_file:
            return data
        try:
            if self._spool is None:
                self._spool = Spool(self._shared.bounds.in_file)
            count = self._spool.write(data)
        except OSError as error:
            logging.getLogger("esg.error").warning("no temporary file, so a thread waits for a client: %s", error)
            self._has_file = False
            return data
        self._put += count
        return data[count:]

    def wait(self, owner: Abandoned) -> None:
        """Wait until there is room, or the response is abandoned."""
        if os.getpid() != self._shared.process:
            end_child(None)
        while not self._has_room() and not owner.is_abandoned:
            self._room.wait()
            self._room.clear()

    def _fits(self, size: int) -> bool:
        """Whether there is room in memory: nothing overtakes what is in the file, and a single part may be large."""
        parts = self._parts
        if self.in_file:
            return False
        if not parts:
            self._put = self._taken
            return True
        return len(parts) < MOST_PARTS and self._put - self._taken + size <= self._shared.bounds.in_memory

    def _has_room(self) -> bool:
        if self._has_file and self._spool is not None:
            return self._spool.has_room
        return not self._parts and not self.in_file

    @property
    def in_file(self) -> int:
        """Bytes in the temporary file."""
        return 0 if self._spool is None else self._spool.held

    # The event loop.

    def free(self, size: int) -> None:
        """`size` bytes have been taken from memory, or the response is abandoned."""
        self._taken += size
        self._room.set()

    async def read(self, most: int) -> bytes:
        """Take bytes from the file, which must have some; raises `OSError`."""
        assert self._spool is not None
        data = await self._shared.loop.run_in_executor(None, self._spool.read, most)
        self.free(len(data))
        return data

    def close(self) -> None:
        """Remove the file; may be called twice."""
        if self._spool is not None:
            self._spool.close()
