"""Ends the whole connection because of what the client did (RFC 9113 section 5.4.1, RFC 9114 section 8). Sans-I/O."""

from typing import Generic

from esg_http.coding.faults import ConnectionFault
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.link import BaseLink, Linked


class BaseEndings(Linked[BaseLink[S]], Generic[S]):
    """Ends what has gone wrong; once `is_over`, further input is ignored."""

    __slots__ = ("is_over",)

    def __init__(self, link: BaseLink[S]) -> None:
        super().__init__(link)
        self.is_over = False

    def end_connection(self, fault: ConnectionFault) -> None:
        """End the connection with the code of a fault."""
        if not self.is_over:
            self.is_over = True
            self._link.has_fault(fault)
            self._announce(fault)
            self._link.has_failed(fault)

    def _announce(self, fault: ConnectionFault) -> None:
        """Tell the client, where that takes a frame."""
