"""Starts requests that the application serves without a task, those of one turn of the loop together (rule I-6).

Threads that begin while the loop still reads would take turns with it at each of its steps. Knows cycles and contracts
only.
"""

import asyncio
from contextvars import Context as ContextVars
from typing import TYPE_CHECKING, Self

from esg_core.asgi import Application
from esg_core.contracts import DirectApplication

if TYPE_CHECKING:
    from esg_core.contracts import Cycle
    from esg_core.options.config import Config


class DirectCalls:
    """The requests that have come in this turn; they begin in `variables`, or in those of the first one's caller."""

    __slots__ = ("_cycles", "_loop", "_variables", "app")

    def __init__(self, app: DirectApplication, loop: asyncio.AbstractEventLoop, variables: ContextVars | None) -> None:
        self.app = app
        self._loop = loop
        self._variables = variables
        self._cycles: dict[Cycle, None] = {}

    @classmethod
    def of(cls, app: Application, loop: asyncio.AbstractEventLoop, config: "Config") -> Self | None:
        """Start the requests of an application that can do without tasks; None if this one cannot."""
        variables = ContextVars() if config.reset_contextvars else None
        return cls(app, loop, variables) if isinstance(app, DirectApplication) else None

    def add(self, cycle: "Cycle") -> None:
        """Begin with a request once all input of this turn has been read."""
        if not self._cycles:
            self._loop.call_soon(self.begin_all, context=self._variables)
        self._cycles[cycle] = None

    def begin_all(self) -> None:
        """Begin with all that have come and have not been withdrawn."""
        cycles, self._cycles = self._cycles, {}
        for cycle in cycles:
            cycle.begin(self.app)

    def withdraw(self, cycle: "Cycle") -> bool:
        """Forget a request that has not begun; returns whether it was one."""
        if cycle not in self._cycles:
            return False
        del self._cycles[cycle]
        return True
