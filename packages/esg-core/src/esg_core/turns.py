"""How much one turn of the event loop may do with what clients have sent, so that none holds up the others (rule H-22).

Sans-I/O: knows no protocol, no transport and no clock; all it needs of a loop is `call_soon`. Reading is the only work
in a server whose amount a client decides. Most of it is so small that nobody counts it: one request, one message. A
connection that is given much at once asks for the `room` there is, works through as much as that pays for, tells what
it has spent, keeps the rest and waits for its turn:

    room = budget.room
    while there is a frame and room > 0:
        read it
        room -= what frames of this kind cost
    budget.spend(what was used)
    if there is another frame:
        transport.pause_reading()
        budget.wait(self._go_on)  # and leave() in connection_lost()

All connections of a loop share one budget. It is renewed in the next turn, between two polls of the sockets; those that
wait are called then, first come, first served, for as long as it lasts. So other connections are read from after every
few milliseconds, however many clients send however much.
"""

from collections import OrderedDict
from collections.abc import Callable

UNITS_A_TURN = 2500
"""Units that a turn has. A unit is what takes a microsecond on a core of an AMD EPYC of 2024 with CPython 3.11, found
by timing 100,000 of each kind of work in a row and rounding up; on a machine half as fast the turn takes 5 ms."""

LEAST_ROOM = 250
"""Units that a connection may spend although the turn has none left: a client that asks for little must not have to
wait in line behind those that ask for much."""

UNCOUNTED = 64
"""Units up to which work is not worth counting: a request and its body, a message."""

GoOn = Callable[[], None]
"""Takes up what a connection has left; called once for each time that it waited."""


class TurnBudget:
    """What may still be spent in this turn of the loop, and who waits for the next.

    `call_soon` is that of the event loop: it has to call back after the sockets have been looked at once more.
    """

    __slots__ = ("_call_soon", "_left", "_waiting", "_will_renew")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._left = UNITS_A_TURN
        self._waiting: OrderedDict[GoOn, None] = OrderedDict()
        self._will_renew = False

    @property
    def room(self) -> int:
        """Units that a connection may spend now, at least `LEAST_ROOM`; the last piece of work may take more."""
        return max(self._left, LEAST_ROOM)

    def spend(self, units: int) -> None:
        """So many have been used; up to `UNCOUNTED` they do not count."""
        if units > UNCOUNTED:
            self._left -= units
            self._renew_soon()

    def wait(self, go_on: GoOn) -> None:
        """Call `go_on` in one of the next turns, in line with others; does nothing if it waits already."""
        self._waiting[go_on] = None
        self._renew_soon()

    def leave(self, go_on: GoOn) -> None:
        """Do not call it any more; harmless if it does not wait."""
        self._waiting.pop(go_on, None)

    def _renew_soon(self) -> None:
        if not self._will_renew:
            self._will_renew = True
            self._call_soon(self._renew)

    def _renew(self) -> None:
        """A new turn has begun."""
        self._will_renew = False
        self._left = UNITS_A_TURN
        try:
            for _ in range(len(self._waiting)):  # those that wait again have had their turn
                if self._left <= 0 or not self._waiting:
                    break
                self._waiting.popitem(last=False)[0]()
        finally:
            if self._waiting:
                self._renew_soon()


__all__ = ["LEAST_ROOM", "UNCOUNTED", "UNITS_A_TURN", "GoOn", "TurnBudget"]
