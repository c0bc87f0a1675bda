"""Limits the work that one turn of the event loop does on input, so that one client cannot hold up others (rule H-22).

Sans-I/O: knows no protocol and no transport; of a loop it needs only `call_soon` and `time`. Clients decide how much
there is to read. Most of it is small and not counted: one request, one message. A connection that has more asks for
`room`, processes as much as fits, reports what it has spent, keeps the rest and waits for its turn:

    room = budget.room
    while there is a frame and room > 0:
        read it
        room -= the price of such a frame
    budget.spend(what was used)
    if there is another frame:
        transport.pause_reading()
        budget.wait(self._go_on)  # and leave() in connection_lost()

All connections of a loop share one budget. It is renewed in the next turn, after the sockets have been polled; then the
waiting connections are called, in order, until it is used up again. So every connection is read every few milliseconds,
no matter how many clients send how much. Where turns are long, because the application keeps the loop busy, so much
would be next to nothing, and clients would wait for ever: there, work on input gets a share of the turn (`Stretch`).
"""

import math
from collections import OrderedDict
from collections.abc import Callable

UNITS_A_TURN = 2500
"""Units per turn. A unit takes at most a microsecond on a core of an AMD EPYC (Zen 4) with CPython 3.11: each price is
the time of its piece of work, measured over thousands in a row and rounded up. So a turn takes at most 5 ms on a
machine half as fast."""

LEAST_ROOM = 250
"""Units that a connection may spend when the turn has none left: small requests must not queue behind floods."""

UNCOUNTED = 64
"""Units up to which work is not worth counting: a request and its body, a message."""

SHARE = 0.25
"""How much of a long turn the work on what clients send may take."""

LONGEST = 1.0
"""Seconds up to which a turn counts: a process that was stopped for an hour has no work of an hour to do."""

GoOn = Callable[[], None]
"""Continues with the input that a connection has kept; called once for each `wait()`."""

Clock = Callable[[], float]
"""The time in seconds, as the loop's `time()`."""


class Stretch:
    """How many times its usual work of a turn may be done in this one, because the turn before it was long.

    `usual` is how many seconds that work takes at most. `time` may stand still during a turn.
    """

    __slots__ = ("_since", "_time", "_usual")

    def __init__(self, usual: float, time: Clock) -> None:
        self._usual = usual
        self._time = time
        self._since = math.inf

    def goes_on(self) -> None:
        """More is left for the next turn, which begins without a wait: the present one is measured from here."""
        self._since = self._time()

    def times(self) -> float:
        """At least 1, and no more unless `goes_on()` was called in the turn before; to be asked once a turn."""
        took, self._since = min(LONGEST, self._time() - self._since), math.inf
        return max(1.0, took * SHARE / self._usual)


class PolledStretch(Stretch):
    """A `Stretch` of work that begins when something has arrived on a socket, which may be never or after an hour.

    `call_soon` is that of the loop that polls the socket: if nothing has arrived by then, the turn counts as short.
    """

    __slots__ = ("_call_soon",)

    def __init__(self, usual: float, time: Clock, call_soon: Callable[..., object]) -> None:
        super().__init__(usual, time)
        self._call_soon = call_soon

    def goes_on(self) -> None:
        super().goes_on()
        self._call_soon(self._call_soon, self._forget, self._since)  # after the next poll

    def _forget(self, since: float) -> None:
        if self._since == since:
            self._since = math.inf


def _no_time() -> float:
    return 0.0


class TurnBudget:
    """What is left to spend in this turn of the loop, and the connections that wait for the next one.

    `call_soon` and `time` are the event loop's: it must call back after the sockets have been polled once more. Without
    `time`, each turn counts as short. `renewals` counts the turns that something was spent before: a connection that is
    called several times a turn sees its end by it.
    """

    __slots__ = ("_call_soon", "_left", "_stretch", "_waiting", "_will_renew", "renewals")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object], time: Clock = _no_time) -> None:
        self._call_soon = call_soon
        self._stretch = Stretch(UNITS_A_TURN / 1_000_000, time)
        self._left = UNITS_A_TURN
        self._waiting: OrderedDict[GoOn, None] = OrderedDict()
        self._will_renew = False
        self.renewals = 0

    @property
    def room(self) -> int:
        """Units that a connection may spend now, at least `LEAST_ROOM`; the last piece of work may take more."""
        return max(self._left, LEAST_ROOM)

    def spend(self, units: int) -> None:
        """Subtract used units from the budget; up to `UNCOUNTED` they are not counted."""
        if units > UNCOUNTED:
            self._left -= units
            self._renew_soon()

    def wait(self, go_on: GoOn) -> None:
        """Call `go_on` in one of the next turns, after those already waiting; a second call changes nothing."""
        self._waiting[go_on] = None
        self._renew_soon()

    def leave(self, go_on: GoOn) -> None:
        """Do not call `go_on`; does nothing if it does not wait."""
        self._waiting.pop(go_on, None)

    def _renew_soon(self) -> None:
        if not self._will_renew:
            self._will_renew = True
            self._stretch.goes_on()
            self._call_soon(self._renew)

    def _renew(self) -> None:
        """Renew the budget in a new turn, and call waiting connections."""
        self._will_renew = False
        self._left = int(UNITS_A_TURN * self._stretch.times())
        self.renewals += 1
        try:
            for _ in range(len(self._waiting)):  # a connection that waits again has had its turn
                if self._left <= 0 or not self._waiting:
                    break
                self._waiting.popitem(last=False)[0]()
        finally:
            if self._waiting:
                self._renew_soon()
