"""What all calls of one event loop share, and how their threads wake it.

Knows no call: threads name futures to be done, and all that they name before the loop gets to them cost one wake-up.
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
    """Bytes of a body that may wait `in_memory`, and of a response also `in_file`."""

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
        """Let the task that waits for `future` go on; may be called in any thread."""
        self._told.append(future)
        if not self._is_due:
            self._is_due = True
            with suppress(RuntimeError):  # the loop is closed: no task waits
                self.loop.call_soon_threadsafe(self._pass_on)

    def _pass_on(self) -> None:
        self._is_due = False  # first: what is told from now on may be missed below
        told = self._told
        while told:
            future = told.popleft()
            if not future.done():
                future.set_result(None)
