"""Turn budgets for servers in memory: one that is recorded, and one whose turns a test begins."""

from collections.abc import Callable

from esg_core.turns import UNCOUNTED, TurnBudget
from tests.support.http.memory import MemoryServer


class WatchedTurns(TurnBudget):
    """Replaces a server's budget; `spent` has the units of each turn in which any were counted."""

    def __init__(self, server: MemoryServer) -> None:
        super().__init__(server.loop.call_soon)
        self.spent = [0]
        server.context.budget = self

    def spend(self, units: int) -> None:
        super().spend(units)
        if units > UNCOUNTED:
            self.spent[-1] += units

    def _renew(self) -> None:
        self.spent.append(0)
        super()._renew()


class HeldTurns(TurnBudget):
    """Replaces a server's budget: no turn ends before `next()`."""

    def __init__(self, server: MemoryServer) -> None:
        self._due: list[Callable[[], None]] = []
        super().__init__(self._due.append)
        self._server = server
        server.context.budget = self

    @property
    def is_waited_for(self) -> bool:
        """Whether a connection waits."""
        return bool(self._waiting)

    def next(self) -> None:
        """Begin the next turn, and let the server do everything that follows."""
        due, self._due[:] = self._due[:], []
        for renew in due:
            renew()
        self._server.loop.settle()

    def all(self) -> int:
        """Begin turns until no connection waits; returns how many there were."""
        count = 0
        while self._due:
            self.next()
            count += 1
        return count
