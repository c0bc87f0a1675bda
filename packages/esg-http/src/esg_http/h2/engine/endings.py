"""Ends a stream, or the whole connection, because of what the client did (RFC 9113 section 5.4).

Sans-I/O: puts the frames that say so into the output, and tells the connection.
"""

from typing import Generic

from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.frames import goaway_frame, reset_frame
from esg_http.h2.engine.link import EngineLink
from esg_http.h2.engine.sending import Sending
from esg_http.h2.engine.streams import S, StreamTable
from esg_http.multiplexed.account import Account
from esg_http.multiplexed.costs import CANCELLATION


class Endings(Generic[S]):
    """Ends what has gone wrong; once `is_over`, further input is ignored."""

    __slots__ = ("_account", "_link", "_sending", "_streams", "is_over")

    def __init__(self, streams: StreamTable[S], sending: Sending[S], account: Account, link: EngineLink[S]) -> None:
        self._streams = streams
        self._sending = sending
        self._account = account
        self._link = link
        self.is_over = False

    def end_stream(self, number: int, fault: StreamFault) -> None:
        """Reset a stream; doing so too often raises `ConnectionFault`."""
        self._link.has_fault(fault)
        self._account.charge_reset()
        self._account.room -= CANCELLATION
        stream = self._streams.live.get(number)
        if stream is None:
            self._sending.put(reset_frame(number, fault.code))
            self._streams.remember_reset(number)
        else:
            self._sending.reset(stream, fault.code)
            stream.on_reset()

    def end_connection(self, fault: ConnectionFault) -> None:
        """Send GOAWAY and end the connection."""
        self.is_over = True
        self._link.has_fault(fault)
        self._sending.put(goaway_frame(self._streams.last, fault.code, str(fault)))
        self._link.has_failed()

    def unlink(self) -> None:
        """Let go of the connection, which has ended."""
        del self._link
