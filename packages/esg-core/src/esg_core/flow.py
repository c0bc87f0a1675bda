"""The gate that makes `send()` wait while the client does not read (rule H-7).

Knows nothing of bytes: the transport closes and opens it through `pause_writing()` and `resume_writing()`. A future is
made when somebody has to wait, and only then.
"""

import asyncio


class WriteGate:
    """Open or closed; `wait()` returns once it is open or the connection is lost."""

    __slots__ = ("_loop", "_waiters", "closed")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiters: list[asyncio.Future[None]] = []
        self.closed = False

    def close(self) -> None:
        """Make writers wait."""
        self.closed = True

    def open(self) -> None:
        """Let all writers go on; also called when the connection is lost, so that none waits forever."""
        self.closed = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Wait until the gate is open; returns at once if it is."""
        while self.closed:
            waiter = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter


__all__ = ["WriteGate"]
