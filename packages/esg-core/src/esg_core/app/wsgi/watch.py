"""Notices clients that leave while threads work for them (rule I-1).

Most calls are over before they need a look: every `LOOK` seconds, those that are running get a task that waits for
`http.disconnect`. A response that has begun is then abandoned. One that has not is still made and sent, as the client
may only have closed its side (rule H-9).
"""

import asyncio

from esg_core.app.wsgi.call import Call
from esg_core.app.wsgi.threads import Threads

LOOK = 0.25
"""Seconds."""


class Watch:
    """Watches the calls of one event loop, from `start()` until the last one ends."""

    __slots__ = ("_loop", "_threads", "is_on")

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: Threads[Call]) -> None:
        self._loop = loop
        self._threads = threads
        self.is_on = False

    def start(self) -> None:
        """Begin watching: there are calls."""
        self.is_on = True
        self._loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        for call in self._threads.running():
            if call.watching is None and not call.is_over:
                call.go_on_in_task()
                call.watching = self._loop.create_task(_watch(call))
        if self._threads.is_busy:
            self._loop.call_later(LOOK, self._look)
        else:
            self.is_on = False


async def _watch(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        pass
    if call.is_sending:
        call.abandon()
