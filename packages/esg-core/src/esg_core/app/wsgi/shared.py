"""What all calls of one event loop share, and how their threads wake it.

Knows no call: threads tell of futures, and all that they tell before the loop comes to it costs one wake-up.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from esg_core.app.wsgi.environ import Environ

Write = Callable[[bytes], object]
WSGIApplication = Callable[[Environ, Callable[..., Write]], Iterable[bytes]]


class Bounds(NamedTuple):
    """Bytes of a body that may wait: so many `in_memory`, and of a response `in_file` besides."""

    in_memory: int
    in_file: int


class Shared:
    """The application, what its environs have in common, the bounds of its bodies, and the way to the loop."""

    __slots__ = ("_is_due", "_told", "app", "bounds", "environ", "loop", "process")

    def __init__(self, app: WSGIApplication, environ: Environ, bounds: Bounds, loop: asyncio.AbstractEventLoop) -> None:
        self.app = app
        self.environ = environ
        self.bounds = bounds
        self.loop = loop
        self.process = os.getpid()
        self._told: deque[asyncio.Future[None]] = deque()
        self._is_due = False

    def tell(self, future: "asyncio.Future[None]") -> None:
        """Let the task go on that waits for this future; from whatever thread."""
        self._told.append(future)
        if not self._is_due:
            self._is_due = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.loop.call_soon_threadsafe(self._pass_on)

    def _pass_on(self) -> None:
        self._is_due = False  # first, as what is told from now on may not be seen here
        told = self._told
        while told:
            future = told.popleft()
            if not future.done():
                future.set_result(None)
