"""Ends an HTTP/3 connection because of what the client did (RFC 9114 section 8). Sans-I/O: the link has the rest."""

from typing import Generic

from esg_http.coding.faults import ConnectionFault
from esg_http.h3.coding.codes import H3_CLOSED_CRITICAL_STREAM
from esg_http.h3.engine.sending import Sending
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.endings import BaseEndings
from esg_http.multiplexed.engine.link import BaseLink


class Endings(BaseEndings[S], Generic[S]):
    """Ends what has gone wrong."""

    __slots__ = ("_sending",)

    def __init__(self, sending: Sending[S], link: BaseLink[S]) -> None:
        super().__init__(link)
        self._sending = sending

    def check_stopped(self, number: int) -> None:
        """The client wants no more of one of the server's streams; without its control stream, nothing goes on."""
        if number == self._sending.control:
            raise ConnectionFault(
                H3_CLOSED_CRITICAL_STREAM, "the server's control stream is stopped", "RFC 9114 section 6.2.1"
            )
