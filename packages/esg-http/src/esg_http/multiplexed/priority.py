"""Which response goes first: priorities as clients write them (RFC 9218), and the resulting order.

Sans-I/O. Urgency goes from 0, the most urgent, to 7. Responses of the same urgency are sent one after the other, in the
order of their requests; incremental ones (`i`) share, frame by frame.
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

UNSTATED = Priority(DEFAULT.urgency, incremental=True)
"""The priority of a request that states none: a response of any length must not hold up all others (rule 2-2)."""

LONGEST_FIELD = 256
"""Bytes; a longer `priority` field is not read."""

_URGENCIES = {b"%d" % urgency: urgency for urgency in range(8)}
_FLAGS = {b"": True, b"?1": True, b"?0": False}


def read_priority(field: bytes) -> Priority:
    """The meaning of a `priority` field; ignores what is unknown or malformed (RFC 9218 section 4)."""
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
    """A stream, as far as its place in the order goes."""

    @property
    def id(self) -> int:
        """Its number: requests come in this order."""

    @property
    def priority(self) -> Priority:
        """Its urgency, and whether it shares."""


T = TypeVar("T", bound=Prioritised)


class _Level(Generic[T]):
    """The streams of one urgency."""

    __slots__ = ("in_order", "is_turn_of_sharers", "sharing")

    def __init__(self) -> None:
        self.in_order: list[tuple[int, T]] = []
        self.sharing: deque[T] = deque()
        self.is_turn_of_sharers = False

    def pop(self) -> T:
        """The stream that may send now: while others wait too, those that share get every second turn."""
        shares = self.sharing and (self.is_turn_of_sharers or not self.in_order)
        self.is_turn_of_sharers = not shares
        return self.sharing.popleft() if shares else heappop(self.in_order)[1]


class SendingOrder(Generic[T]):
    """Streams that have something to send, each at most once; `pop()` returns the one that may send next."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[int, _Level[T]] = {}

    def __bool__(self) -> bool:
        return bool(self._levels)

    def add(self, stream: T) -> None:
        """Add a stream by its priority: behind those that it shares with, or in the order of the requests."""
        urgency, shares = stream.priority
        level = self._levels.get(urgency)
        if level is None:
            level = self._levels[urgency] = _Level()
        if shares:
            level.sharing.append(stream)
        else:
            heappush(level.in_order, (stream.id, stream))

    def pop(self) -> T:
        """Remove and return the stream whose turn it is; there must be one."""
        urgency = min(self._levels)
        level = self._levels[urgency]
        stream = level.pop()
        if not level.in_order and not level.sharing:
            del self._levels[urgency]
        return stream

    def remove(self, stream: T) -> None:
        """Remove a stream, which must be there, with the priority that it was added with."""
        urgency, shares = stream.priority
        level = self._levels[urgency]
        if shares:
            level.sharing.remove(stream)
        else:
            level.in_order.remove((stream.id, stream))
            heapify(level.in_order)
        if not level.in_order and not level.sharing:
            del self._levels[urgency]

    def has_rivals(self, stream: T) -> bool:
        """Whether `stream` has to share its turns with others in here."""
        level = self._levels.get(stream.priority.urgency)
        return level is not None and (stream.priority.incremental or bool(level.sharing))
