"""The requests that wait for a slot: connections take turns, and within one, who came first is first (rule A-6).

So a client that sends many requests at once over one connection, as HTTP/2 and HTTP/3 allow, holds up its own requests
and not those of others. Knows neither slots nor time.
"""

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar


class Waiter(Protocol):
    """A request that waits."""

    @property
    def connection(self) -> object:
        """What carries it; anything that can be a key."""


W = TypeVar("W", bound=Waiter)


class Line(Generic[W]):
    """All who wait; `came` has the time at which each joined, the first to come first."""

    def __init__(self) -> None:
        self.came: OrderedDict[W, float] = OrderedDict()
        self._turns: OrderedDict[object, OrderedDict[W, None]] = OrderedDict()

    def join(self, waiter: W, now: float) -> None:
        """Take the last place of its connection; a connection that had none has its turn last."""
        self.came[waiter] = now
        self._turns.setdefault(waiter.connection, OrderedDict())[waiter] = None

    def leave(self, waiter: W) -> float | None:
        """Remove a request, wherever it stands; returns when it came, None if it is not here."""
        came_at = self.came.pop(waiter, None)
        if came_at is not None:
            self._take(waiter)
        return came_at

    def next(self) -> tuple[W, float]:
        """Remove the one whose turn it is, and return it with the time at which it came; the line must not be empty."""
        connection, waiters = next(iter(self._turns.items()))
        waiter = next(iter(waiters))
        self._take(waiter)
        if waiters:
            self._turns.move_to_end(connection)
        return waiter, self.came.pop(waiter)

    def gives_way_to(self, newcomer: W) -> W | None:
        """Who would leave a full line for a newcomer, so that connections share its places equally; None if nobody.

        It is the last one of the connection with the most, unless the newcomer's would then have more.
        """
        if len(self._turns) == len(self.came):
            return None
        most = max(self._turns.values(), key=len)
        own = self._turns.get(newcomer.connection, ())
        return next(reversed(most)) if len(most) > len(own) + 1 else None

    def _take(self, waiter: W) -> None:
        waiters = self._turns[waiter.connection]
        del waiters[waiter]
        if not waiters:
            del self._turns[waiter.connection]
