"""The content of requests, and how it ends (RFC 9113 section 8.1.1, RFC 9114 section 4.1.2). Sans-I/O."""

from abc import abstractmethod
from typing import Generic

from esg_http.multiplexed.base_stream import S
from esg_http.multiplexed.engine.sending import BaseSending
from esg_http.multiplexed.malformed import MalformedRequests
from esg_http.multiplexed.request_head import UNKNOWN_LENGTH
from esg_http.multiplexed.states import AFTER_THEIR_END, CLOSED


class BaseBodies(Generic[S]):
    """Receives the content of requests; what it may take of windows is the version's."""

    __slots__ = ("_sending",)

    errors: MalformedRequests
    _sending: BaseSending[S]

    def __init__(self, sending: BaseSending[S]) -> None:
        self._sending = sending

    @abstractmethod
    def consumed(self, stream: S, size: int) -> None:
        """`size` bytes of a body are no longer held, so the client may send more."""

    def _take_content(self, stream: S, data: bytes) -> None:
        """More of a body has come."""
        upload = stream.upload
        if upload is None:  # an earlier part has closed the stream
            return
        upload.received += len(data)
        if upload.expected != UNKNOWN_LENGTH:
            upload.expected -= len(data)
            if upload.expected < 0:
                raise self.errors.malformed("the body is longer than its content-length")
        stream.on_content(data)

    def end(self, stream: S) -> None:
        """The client has ended its side of a stream."""
        upload = stream.upload
        if upload is None:
            return
        if upload.expected > 0:
            raise self.errors.malformed("the body is shorter than its content-length")
        upload.window.close()
        stream.upload = None
        stream.state = AFTER_THEIR_END[stream.state]
        if stream.state == CLOSED:
            self._sending.close_stream(stream, CLOSED)
        stream.on_end()
