"""Ends an HTTP/2 connection because of what the client did (RFC 9113 section 5.4.1). Sans-I/O: GOAWAY says so."""

from typing import Generic

from esg_http.coding.faults import ConnectionFault
from esg_http.h2.coding.frames import goaway_frame
from esg_http.h2.engine.sending import Sending
from esg_http.h2.engine.streams import StreamTable
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.endings import BaseEndings
from esg_http.multiplexed.engine.link import BaseLink


class Endings(BaseEndings[S], Generic[S]):
    """Ends what has gone wrong."""

    __slots__ = ("_sending", "_streams")

    def __init__(self, streams: StreamTable[S], sending: Sending[S], link: BaseLink[S]) -> None:
        super().__init__(link)
        self._streams = streams
        self._sending = sending

    def _announce(self, fault: ConnectionFault) -> None:
        self._sending.put(goaway_frame(self._streams.last, fault.code, str(fault)))
