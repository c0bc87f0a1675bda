"""Which response goes first: priorities as clients write them (RFC 9218), and the order that they make.

Sans-I/O. Urgency goes from 0 to 7, the lower the more urgent. Responses of one urgency are sent one after the other, in
the order of their requests; those that are of use in parts (`i`) share what there is, frame by frame.
"""

from collections import deque
from functools import lru_cache
from heapq import heapify, heappop, heappush
from typing import Generic, NamedTuple, Protocol, TypeVar


class Priority(NamedTuple):
    """Urgency and the wish to share (RFC 9218 section 4)."""

    urgency: int = 3
    incremental: bool = False


DEFAULT = Priority()

UNTOLD = Priority(DEFAULT.urgency, incremental=True)
"""That of a request which says nothing of it: a response of any length must not hold up all others (rule 2-2)."""

LONGEST_FIELD = 256
"""Bytes of a `priority` field that is read at all."""

_URGENCIES = {b"%d" % urgency: urgency for urgency in range(8)}
_FLAGS = {b"": True, b"?1": True, b"?0": False}


def read_priority(field: bytes) -> Priority:
    """The meaning of a `priority` field; what it does not know, or cannot read, it ignores (RFC 9218 section 4)."""
    return _read_priority(field) if len(field) <= LONGEST_FIELD else DEFAULT


@lru_cache(maxsize=64)
def _read_priority(field: bytes) -> Priority:
    urgency, incremental = DEFAULT
    for member in field.split(b","):
        key, _, value = member.partition(b";")[0].strip(b" \t").partition(b"=")
        if key == b"u":
            urgency = _URGENCIES.get(value, urgency)
        elif key == b"i":
            incremental = _FLAGS.get(value, incremental)
    return Priority(urgency, incremental)


class Prioritised(Protocol):
    """What can be put into an order."""

    @property
    def id(self) -> int:
        """The number of its request: requests come in this order."""

    @property
    def priority(self) -> Priority:
        """How it is to be treated."""


T = TypeVar("T", bound=Prioritised)


class _Level(Generic[T]):
    """Those of one urgency."""

    __slots__ = ("in_order", "is_turn_of_sharers", "sharing")

    def __init__(self) -> None:
        self.in_order: list[tuple[int, T]] = []
        self.sharing: deque[T] = deque()
        self.is_turn_of_sharers = False

    def pop(self) -> T:
        """The one that may send now: those that share have every second turn, as long as others are there."""
        shares = self.sharing and (self.is_turn_of_sharers or not self.in_order)
        self.is_turn_of_sharers = not shares
        return self.sharing.popleft() if shares else heappop(self.in_order)[1]


class SendingOrder(Generic[T]):
    """Those that have something to send, each at most once; `pop()` gives the one that may send next."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[int, _Level[T]] = {}

    def __bool__(self) -> bool:
        return bool(self._levels)

    def add(self, one: T) -> None:
        """Put it where its priority says: behind those that share with it, or in the order of the requests."""
        urgency, shares = one.priority
        level = self._levels.get(urgency)
        if level is None:
            level = self._levels[urgency] = _Level()
        if shares:
            level.sharing.append(one)
        else:
            heappush(level.in_order, (one.id, one))

    def pop(self) -> T:
        """Take out the one whose turn it is; there must be one."""
        urgency = min(self._levels)
        level = self._levels[urgency]
        one = level.pop()
        if not level.in_order and not level.sharing:
            del self._levels[urgency]
        return one

    def remove(self, one: T) -> None:
        """Take out this one; it must be there, with the priority that it was added with."""
        urgency, shares = one.priority
        level = self._levels[urgency]
        if shares:
            level.sharing.remove(one)
        else:
            level.in_order.remove((one.id, one))
            heapify(level.in_order)
        if not level.in_order and not level.sharing:
            del self._levels[urgency]

    def has_rivals(self, one: T) -> bool:
        """Whether what is in here wants to share its turns with this one."""
        level = self._levels.get(one.priority.urgency)
        return level is not None and (one.priority.incremental or bool(level.sharing))
