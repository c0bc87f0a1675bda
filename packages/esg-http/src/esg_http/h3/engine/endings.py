"""Ends the whole connection because of what the client did (RFC 9114 section 8). Sans-I/O: tells the connection."""

from typing import Generic

from esg_http.coding.faults import ConnectionFault
from esg_http.h3.coding.codes import H3_CLOSED_CRITICAL_STREAM
from esg_http.h3.engine.link import EngineLink
from esg_http.h3.engine.request_input import S
from esg_http.h3.engine.sending import Sending


class Endings(Generic[S]):
    """Ends what has gone wrong; once `is_over`, further input is ignored."""

    __slots__ = ("_link", "_sending", "is_over")

    def __init__(self, sending: Sending[S], link: EngineLink[S]) -> None:
        self._sending = sending
        self._link = link
        self.is_over = False

    def end_connection(self, fault: ConnectionFault) -> None:
        """End the connection with the code of a fault."""
        if not self.is_over:
            self.is_over = True
            self._link.has_fault(fault)
            self._link.has_failed(fault)

    def check_stopped(self, number: int) -> None:
        """The client wants no more of one of the server's streams; without its control stream, nothing goes on."""
        if number == self._sending.control:
            raise ConnectionFault(
                H3_CLOSED_CRITICAL_STREAM, "the server's control stream is stopped", "RFC 9114 section 6.2.1"
            )

    def unlink(self) -> None:
        """Let go of the connection, which has ended."""
        del self._link
