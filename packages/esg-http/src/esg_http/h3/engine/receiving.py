"""Takes what the transport delivers, stream by stream, as much as there is room for in this turn (rule H-22).

Sans-I/O: each call is given its time. What there is no room for waits, in the order in which it came; the windows of
the streams bound it, because none of it counts as read.
"""

from collections import deque
from typing import Generic, NamedTuple

from esg_core.turns import UNCOUNTED
from esg_http.coding.faults import ConnectionFault
from esg_http.h3.engine.endings import Endings
from esg_http.h3.engine.requests import RequestStreams
from esg_http.h3.engine.unidirectional import UnidirectionalStreams
from esg_http.multiplexed.account import Account
from esg_http.multiplexed.base_stream import S

BYTES, RESET, STOPPED = range(3)


class Event(NamedTuple):
    """What has happened to a stream: bytes and possibly its end, or a cancellation of one of its sides."""

    kind: int
    number: int
    data: bytes = b""
    end: bool = False


class Receiving(Generic[S]):
    """Reads the streams of a connection.

    `is_behind`: there was no room for everything that came, and `go_on()` must be called in a later turn.
    """

    __slots__ = ("_account", "_endings", "_renewal", "_requests", "_spent", "_unidirectional", "_waiting")

    def __init__(
        self,
        account: Account,
        requests: RequestStreams[S],
        unidirectional: UnidirectionalStreams[S],
        endings: Endings[S],
    ) -> None:
        self._account = account
        self._requests = requests
        self._unidirectional = unidirectional
        self._endings = endings
        self._waiting: deque[Event] = deque()
        self._renewal = -1
        self._spent = 0

    @property
    def is_behind(self) -> bool:
        """See the class; what waits when the connection ends is never read."""
        return bool(self._waiting) and not self._endings.is_over

    def receive(self, event: Event, now: float) -> None:
        """Take what has come; `now` is in seconds, by any clock."""
        if self._endings.is_over:
            return
        self._begin(now)
        if self._waiting or self._account.room <= 0:
            self._waiting.append(event)
        else:
            self._take(event)

    def go_on(self, now: float) -> None:
        """Take what has waited."""
        self._begin(now)
        for _ in range(len(self._waiting)):
            if self._account.room <= 0 or not self._waiting:
                break
            self._take(self._waiting.popleft())

    def _begin(self, now: float) -> None:
        """Several calls in one turn share the room of one, less what other connections have used since."""
        account = self._account
        account.now = now
        budget = account.budget
        if budget.renewals != self._renewal:
            self._renewal = budget.renewals
            account.room = budget.room
        else:
            account.room = min(account.room, budget.room)

    def _take(self, event: Event) -> None:
        account = self._account
        room = account.room
        try:
            if event.number & 2:
                self._take_unidirectional(event)
            else:
                self._take_request(event)
        except ConnectionFault as fault:
            self._waiting.clear()
            self._endings.end_connection(fault)
        self._spent += room - account.room
        if self._spent > UNCOUNTED:
            account.budget.spend(self._spent)
            self._spent = 0

    def _take_request(self, event: Event) -> None:
        if event.kind == BYTES:
            if self._requests.on_data(event.number, event.data, event.end):
                self._waiting.appendleft(Event(BYTES, event.number))
        elif event.kind == RESET:
            self._requests.on_reset(event.number)
        else:
            self._requests.on_stopped(event.number)

    def _take_unidirectional(self, event: Event) -> None:
        if event.kind == BYTES:
            self._unidirectional.on_data(event.number, event.data, event.end)
        elif event.kind == RESET:
            self._unidirectional.on_reset(event.number)
        else:
            self._endings.check_stopped(event.number)
