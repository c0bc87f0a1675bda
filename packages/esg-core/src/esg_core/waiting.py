"""Waiting without `asyncio.Event`: a future is made when somebody has to wait, and only then.

Knows nothing of bytes or protocols. `Waiters` is a list of those who wait for the next wake-up; `WriteGate` is the gate
that makes `send()` wait while the client does not read (rule H-7), moved by the transport's flow control.
"""

import asyncio


class Waiters:
    """Those who wait for the next `wake()`; each has a future of its own, so cancelling one harms no other."""

    __slots__ = ("_futures", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._futures: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Return at the next `wake()`."""
        future = self._loop.create_future()
        self._futures.append(future)
        await future

    def wake(self) -> None:
        """Let everybody who waits now go on."""
        futures, self._futures = self._futures, []
        for future in futures:
            if not future.done():
                future.set_result(None)


class WriteGate:
    """Open or closed; `wait()` returns once it is open."""

    __slots__ = ("_waiters", "closed")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waiters = Waiters(loop)
        self.closed = False

    def close(self) -> None:
        """Make writers wait: what a protocol's `pause_writing()` does."""
        self.closed = True

    def open(self) -> None:
        """Let all writers go on; also called when the connection is lost, so that none waits forever."""
        self.closed = False
        self._waiters.wake()

    async def wait(self) -> None:
        """Wait until the gate is open; returns at once if it is."""
        while self.closed:
            await self._waiters.wait()


__all__ = ["Waiters", "WriteGate"]
