"""Notices clients that leave while threads work for them (rule I-1).

Most calls are over before anything has to be looked at: once in `LOOK` seconds, those that threads work at get a task
that waits for `http.disconnect`. That may also mean that the client has only closed its side and goes on reading (rule
H-9), so then it is tried whether anything can be sent.
"""

import asyncio
from contextlib import suppress

from esg_core.app.wsgi.call import Call
from esg_core.app.wsgi.threads import Threads
from esg_core.asgi import Message

LOOK = 0.25
"""Seconds."""

STALLED = 3
"""Looks after which a client that has closed its side, and takes nothing of what waits for it, counts as gone."""

NOTHING: Message = {"type": "http.response.body", "body": b"", "more_body": True}


class Watch:
    """Looks after the calls of one event loop, from `start()` until none is left."""

    __slots__ = ("_loop", "_threads", "is_on")

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: Threads[Call]) -> None:
        self._loop = loop
        self._threads = threads
        self.is_on = False

    def start(self) -> None:
        """There are calls."""
        self.is_on = True
        self._loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        for call in self._threads.running():
            if call.watching is None and not call.is_over:
                call.watching = self._loop.create_task(_watch(call))
        if self._threads.is_busy:
            self._loop.call_later(LOOK, self._look)
        else:
            self.is_on = False


async def _watch(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        pass
    with suppress(OSError):
        await _probe(call)
    call.abandon()


async def _probe(call: Call) -> None:
    """Try to send until that fails; returns when the client does not take what waits for it."""
    taken, stalled = -1, 0
    while stalled < STALLED:
        await _try_to_send(call)
        backlog = call.backlog
        if backlog is not None:
            stalled = stalled + 1 if backlog.is_stuck and backlog.taken == taken else 0
            taken = backlog.taken


async def _try_to_send(call: Call) -> None:
    """Take the time until the next look, and raise `OSError` if the client turns out to be gone."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK):
            if call.is_sending:
                await call.send(NOTHING)
            await asyncio.sleep(LOOK)
