"""The content of requests, and how it gives the client's window back (RFC 9114 section 4.1, RFC 9000 section 4).

Sans-I/O. The transport opens a stream's window as far as it is told that bytes are read, so a window bounds what is
held for an application that does not read (rule H-7).
"""

from typing import Generic

from esg_http.h3.engine.malformed import MALFORMED
from esg_http.h3.engine.sending import Sending
from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.bodies import BaseBodies


class BodyWindow(Generic[S]):
    """What one stream has sent that the application has not read."""

    __slots__ = ("_number", "_sending", "_unread")

    def __init__(self, sending: Sending[S], number: int) -> None:
        self._sending = sending
        self._number = number
        self._unread = 0

    def take(self, size: int) -> None:
        """`size` bytes have come, none of which the application has read."""
        self._unread += size

    def read(self, size: int) -> int:
        """The application has read `size` bytes; returns 0, as the transport opens the window."""
        self._unread -= size
        self._sending.transport.consumed(self._number, size)
        return 0

    def close(self) -> None:
        """No more will come; called once."""
        if self._unread:
            self._sending.transport.consumed(self._number, self._unread)


class Bodies(BaseBodies[S], Generic[S]):
    """Receives the content of requests."""

    __slots__ = ()

    errors = MALFORMED

    def take(self, stream: S, data: bytes) -> None:
        """More of a body has come."""
        if stream.upload is not None:
            stream.upload.window.take(len(data))
            self._take_content(stream, data)

    def consumed(self, stream: S, size: int) -> None:
        if stream.upload is not None:
            stream.upload.window.read(size)
