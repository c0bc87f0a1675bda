"""Which streams a connection has, and what a frame may do with them (RFC 9113 section 5.1).

Sans-I/O. An idle or closed stream has no object: its state follows from its number.
"""

from typing import Generic

from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.codes import PROTOCOL_ERROR, STREAM_CLOSED
from esg_http.h2.engine.states import AFTER_ALL, EFFECTS, OPENS, TOO_LATE, WRONG
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.streams import BaseStreamTable
from esg_http.multiplexed.states import CLOSED, IDLE, RESET

REMEMBERED_RESETS = 512
"""How many streams that the server has reset are remembered: their frames may still be on the way."""


class StreamTable(BaseStreamTable[S], Generic[S]):
    """The streams of one connection; `last` is the highest number that the client has opened."""

    __slots__ = ("_resets", "last")

    def __init__(self) -> None:
        super().__init__()
        self.last = 0
        self._resets: dict[int, None] = {}

    def effect(self, kind: int, number: int) -> int:
        """Return what a frame does in its stream's state; raises the fault if it is an error there."""
        effect = EFFECTS[kind][self._state_of(number)]
        if effect == TOO_LATE:
            raise StreamFault(STREAM_CLOSED, "a frame after the end of its stream", "RFC 9113 section 5.1")
        if effect == AFTER_ALL:
            raise ConnectionFault(STREAM_CLOSED, "a frame on a closed stream", "RFC 9113 section 5.1")
        if effect == WRONG or effect == OPENS:
            raise ConnectionFault(
                PROTOCOL_ERROR, "a frame that the state of its stream does not allow", "RFC 9113 section 5.1"
            )
        return effect

    def _state_of(self, number: int) -> int:
        stream = self.live.get(number)
        if stream is not None:
            return stream.state
        if number > self.last or not number & 1:
            return IDLE
        return RESET if number in self._resets else CLOSED

    def remember_reset(self, number: int) -> None:
        """Tolerate frames on a stream that was reset: the client may have sent them before it knew."""
        self._resets[number] = None
        if len(self._resets) > REMEMBERED_RESETS:
            del self._resets[next(iter(self._resets))]

    def take_early_priority(self, stream: S) -> None:
        """Give a new stream the priority that came before it; those of lower numbers can no longer be used."""
        stream.priority = self.early_priorities.pop(stream.id, stream.priority)
        for number in [number for number in self.early_priorities if number < stream.id]:
            del self.early_priorities[number]
