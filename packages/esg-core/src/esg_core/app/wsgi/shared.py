"""What all calls of one event loop share, and how their threads wake it.

Knows no call: threads name what is to be woken, and all that they name before the loop gets to it costs one wake-up.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from typing import NamedTuple, Protocol

from esg_core.app.wsgi.environ import Environ

Write = Callable[[bytes], object]
WSGIApplication = Callable[[Environ, Callable[..., Write]], Iterable[bytes]]


class Bounds(NamedTuple):
    """Bytes of a body that may wait `in_memory`, and of a response also `in_file`."""

    in_memory: int
    in_file: int


class Sleeper(Protocol):
    """What waits in the event loop for news from a thread."""

    def wake(self) -> None:
        """There may be news; must not raise."""


class Shared:
    """The application, what its environs have in common, the bounds of its bodies, and the way to the loop."""

    __slots__ = ("_is_due", "_told", "_variables", "app", "bounds", "environ", "loop", "process")

    def __init__(self, app: WSGIApplication, environ: Environ, bounds: Bounds, loop: asyncio.AbstractEventLoop) -> None:
        self.app = app
        self.environ = environ
        self.bounds = bounds
        self.loop = loop
        self.process = os.getpid()
        self._told: deque[Sleeper] = deque()
        self._is_due = False
        self._variables = copy_context()  # or those of whichever call comes first would be seen

    def tell(self, sleeper: Sleeper) -> None:
        """Wake `sleeper` in the event loop; may be called in any thread."""
        self._told.append(sleeper)
        if not self._is_due:
            self._is_due = True
            with suppress(RuntimeError):  # the loop is closed: nothing waits
                self.loop.call_soon_threadsafe(self._pass_on, context=self._variables)

    def _pass_on(self) -> None:
        self._is_due = False  # first: what is told from now on may be missed below
        told = self._told
        while told:
            told.popleft().wake()
