"""Which request streams a connection has had, and which are open (RFC 9000 section 2.1, RFC 9114 section 6.1).

Sans-I/O. Streams may come in another order than their numbers, because packets do: a number below the last one is that
of a stream that has ended, unless it was skipped.
"""

from typing import Generic

from esg_http.coding.faults import ConnectionFault
from esg_http.h3.coding.codes import H3_EXCESSIVE_LOAD
from esg_http.h3.engine.request_input import RequestInput
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.streams import BaseStreamTable

MOST_SKIPPED = 4096
"""Numbers that may be skipped at a time: far more than a transport lets a client open."""


class StreamNumbers:
    """The numbers of one kind of streams, every fourth from `first` on; `last` is the highest so far."""

    __slots__ = ("_skipped", "last")

    def __init__(self, first: int) -> None:
        self.last = first - 4
        self._skipped: set[int] = set()

    def take(self, number: int) -> bool:
        """Whether `number` is that of a new stream, which from now on it no longer is."""
        if number > self.last:
            if number > self.last + 4:
                self._skip(number)
            self.last = number
            return True
        if number in self._skipped:
            self._skipped.remove(number)
            return True
        return False

    def is_ahead(self, number: int) -> bool:
        """Whether the stream of this number is still to come."""
        return number > self.last or number in self._skipped

    def _skip(self, number: int) -> None:
        if (number - self.last) // 4 + len(self._skipped) > MOST_SKIPPED:
            raise ConnectionFault(H3_EXCESSIVE_LOAD, "too many streams are skipped", "RFC 9000 section 2.1")
        self._skipped.update(range(self.last + 4, number, 4))


class StreamTable(BaseStreamTable[S], Generic[S]):
    """The request streams of one connection; `inputs` holds those that the client has not ended."""

    __slots__ = ("inputs", "numbers")

    def __init__(self) -> None:
        super().__init__()
        self.inputs: dict[int, RequestInput[S]] = {}
        self.numbers = StreamNumbers(0)
