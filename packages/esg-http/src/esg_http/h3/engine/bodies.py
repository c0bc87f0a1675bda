"""The content of requests, and how it gives the client's window back (RFC 9114 section 4.1, RFC 9000 section 4).

Sans-I/O. The transport opens a stream's window as far as it is told that bytes are read, so a window bounds what is
held for an application that does not read (rule H-7).
"""

from typing import Generic

from esg_http.h3.engine.malformed import malformed
from esg_http.h3.engine.request_input import S
from esg_http.h3.engine.sending import Sending
from esg_http.multiplexed.request_head import UNKNOWN_LENGTH
from esg_http.multiplexed.states import AFTER_THEIR_END, CLOSED


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
        """No more will come."""
        if self._unread:
            self._sending.transport.consumed(self._number, self._unread)
            self._unread = 0


class Bodies(Generic[S]):
    """Receives the content of requests."""

    __slots__ = ("_sending",)

    def __init__(self, sending: Sending[S]) -> None:
        self._sending = sending

    def take(self, stream: S, data: bytes) -> None:
        """More of a body has come."""
        upload = stream.upload
        assert upload is not None  # nothing is read from a stream that is closed
        upload.window.take(len(data))
        upload.received += len(data)
        if upload.expected != UNKNOWN_LENGTH:
            upload.expected -= len(data)
            if upload.expected < 0:
                raise malformed("the body is longer than its content-length")
        stream.on_content(data)

    def end(self, stream: S) -> None:
        """The client has ended its side of a stream."""
        upload = stream.upload
        assert upload is not None
        if upload.expected > 0:
            raise malformed("the body is shorter than its content-length")
        upload.window.close()
        stream.upload = None
        stream.state = AFTER_THEIR_END[stream.state]
        if stream.state == CLOSED:
            self._sending.close_stream(stream, CLOSED)
        stream.on_end()

    def consumed(self, stream: S, size: int) -> None:
        """`size` bytes of a body are no longer held, so the client may send more."""
        if stream.upload is not None:
            stream.upload.window.read(size)
