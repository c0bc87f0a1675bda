"""Ends calls of the application: those whose response is late, those whose client has left (rules H-24 and H-25).

Knows tasks and the sweeper, no protocol: what a late call answers is its cycle's business.

A request costs nothing here, because no time is noted when its call begins. Calls without a response are looked at
every tick, and their time runs from the look that finds them first; so they are ended up to two ticks late, and never
early. While no call waits for its response, nothing looks; the next call that begins is what starts it again.

A late call is told first, at the next tick cancelled, and given up after its grace. Frameworks that run handlers in
tasks of their own (Django, Quart) end them when they are told, and lose them when they are cancelled.
"""

import asyncio
import math
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Protocol, Self

from esg_core.deadlines import TICK, Sweeper

if TYPE_CHECKING:
    from esg_core.options.config import Config

GRACE = 1.0
"""Seconds that a cancelled call has to end; then its response is given up."""

TOLD = 0.0
"""In place of the end of its grace: the call has been told, and not cancelled yet."""

IS_LATE = "the response is late (timeout-response)"
HAS_LEFT = "the client has left (timeout-disconnected)"
"""What a `CancelledError` says."""


class Call(Protocol):
    """One call of the application: see `esg_core.contracts.Cycle`."""

    @property
    def task(self) -> asyncio.Task[None]:
        """Runs the call."""

    @property
    def awaits_response(self) -> bool:
        """Whether the client waits, and the application has not begun to answer."""

    def end_input(self) -> None:
        """Tell the application that its client has gone."""

    def give_up_late(self) -> None:
        """End the exchange: the call was cancelled, and goes on."""


class Server(Protocol):
    """The server: see `esg_core.context`."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that runs the calls."""

    @property
    def sweeper(self) -> Sweeper:
        """Looks at deadlines."""

    @property
    def cycles(self) -> Collection[Call]:
        """All calls that run."""

    def call_at_next_start(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, when the next call begins."""


class CallDeadlines:
    """Watches the calls of one server; see `esg_core.deadlines.Watched`.

    `response` is how many seconds a call may take to begin its response (`inf`: any time). `disconnected` is how many
    it may go on when its client has left; None for as long as it likes.
    """

    __slots__ = (
        "_disconnected",
        "_is_looking",
        "_late",
        "_leaving",
        "_response",
        "_server",
        "_waiting",
        "check_at",
        "deadline",
    )

    def __init__(self, server: Server, response: float, disconnected: float | None) -> None:
        self._server = server
        self._response = response
        self._disconnected = disconnected
        self._waiting: dict[Call, float] = {}
        self._late: dict[Call, float] = {}
        self._leaving: dict[asyncio.Task[None], float] = {}
        self.deadline = math.inf
        self.check_at = 0
        self._is_looking = response < math.inf
        self._rest()

    @classmethod
    def of(cls, server: Server, config: "Config") -> Self | None:
        """Watch the calls of a server as its options say; None if they say nothing."""
        response, disconnected = config.timeout_response, config.timeout_disconnected
        return None if response == math.inf and disconnected is None else cls(server, response, disconnected)

    def has_left(self, task: asyncio.Task[None]) -> None:
        """The client of a call has left: cancel the call once its time is over, if it has not ended by then."""
        if self._disconnected is not None:
            self._leaving[task] = due = self._server.loop.time() + self._disconnected
            task.add_done_callback(self._forget)
            self._look_by(due)

    def was_late(self, call: Call) -> bool:
        """Whether a call that has just ended did so because its response was late."""
        return self._late.pop(call, None) is not None

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._leaving.pop(task, None)

    # Looking.

    def _rest(self) -> None:
        """Look no more until a call begins."""
        if self._is_looking:
            self._is_looking = False
            self._server.call_at_next_start(self._begin)

    def _begin(self) -> None:
        self._is_looking = True
        self._look(self._server.loop.time())
        self._look_by(self.deadline)

    def _look_by(self, due: float) -> None:
        self.deadline = min(self.deadline, due)
        sweeper = self._server.sweeper
        sweeper.discard(self)
        sweeper.add(self)

    def expire(self, now: float) -> None:
        """End the calls whose time is over; the sweeper looks again by the next deadline."""
        self._cancel_abandoned(now)
        self._press(now)
        self._look(now)
        if self.deadline == math.inf:
            self._server.sweeper.discard(self)

    def _cancel_abandoned(self, now: float) -> None:
        for task in [task for task, due in self._leaving.items() if due <= now]:
            del self._leaving[task]
            task.cancel(HAS_LEFT)

    def _press(self, now: float) -> None:
        """Cancel calls that have been told, and give up those that were cancelled, unless they answer by now."""
        for call, due in list(self._late.items()):
            if not call.awaits_response or call.task.done():
                del self._late[call]
            elif due == TOLD:
                self._late[call] = now + GRACE
                call.task.cancel(IS_LATE)
            elif due <= now:
                del self._late[call]
                call.give_up_late()

    def _look(self, now: float) -> None:
        """Tell calls that have waited for long enough, and set the next deadline."""
        if self._is_looking:
            before, self._waiting = self._waiting, {}
            for call in self._server.cycles:
                if call.awaits_response and call not in self._late:
                    self._waiting[call] = before.get(call, now)
            for call in [call for call, since in self._waiting.items() if now - since >= self._response]:
                del self._waiting[call]
                self._late[call] = TOLD
                call.end_input()
        due = [*self._leaving.values()]
        if self._waiting or self._late:
            due.append(now + TICK / 2)  # which the sweeper rounds up to a whole tick
        else:
            self._rest()
        self.deadline = min(due, default=math.inf)
