"""What a client sends on one request stream, as far as it has come. Sans-I/O."""

from math import inf
from typing import Generic

from esg_http.h3.coding.codes import HEADERS
from esg_http.h3.coding.frames import FrameReader
from esg_http.h3.engine.states import BEFORE_HEAD
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.priority import Priority

_WHOLE = frozenset((HEADERS,))


class RequestInput(Generic[S]):
    """The sending side of a request stream.

    `priority` is what PRIORITY_UPDATE has said, None if nothing. `stream` is None until the head has come, for which
    `deadline` is set. `owed` counts bytes of window that were neither content nor given back yet; `has_ended` is set
    once the last byte is in the reader.
    """

    __slots__ = ("deadline", "has_ended", "number", "owed", "priority", "reader", "state", "stream")

    def __init__(self, number: int, most: int, priority: Priority | None) -> None:
        self.number = number
        self.reader = FrameReader(_WHOLE, most)
        self.state = BEFORE_HEAD
        self.priority = priority
        self.stream: S | None = None
        self.deadline = inf
        self.owed = 0
        self.has_ended = False

    @property
    def is_last(self) -> bool:
        """Whether the frame that was read is the last one."""
        return self.has_ended and not self.reader.is_within
