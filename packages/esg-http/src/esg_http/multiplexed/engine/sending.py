"""The sending half of an engine: which responses wait, which of them goes next, and how streams end.

Sans-I/O. What can go at once goes at once; the rest of a response waits with its stream. The version frames it, as far
as windows and the transport allow, in the order of priorities (RFC 9218).
"""

from abc import abstractmethod
from typing import Generic

from esg_core.asgi import Headers
from esg_http.multiplexed.base_stream import S, Unsent
from esg_http.multiplexed.engine.link import BaseLink, Linked
from esg_http.multiplexed.priority import Priority, SendingOrder
from esg_http.multiplexed.response_heads import FieldEncoder
from esg_http.multiplexed.states import AFTER_OUR_END, CLOSED


class BaseSending(Linked[BaseLink[S]], Generic[S]):
    """Sends responses.

    `out_size` is how many framed bytes wait to be written, `_share` how many a response may send before others of its
    urgency get their turn.
    """

    __slots__ = ("_live", "_order", "_share")

    encoder: FieldEncoder
    out_size: int

    def __init__(self, live: dict[int, S], link: BaseLink[S], share: int) -> None:
        super().__init__(link)
        self._live = live
        self._order: SendingOrder[S] = SendingOrder()
        self._share = share

    @property
    @abstractmethod
    def sent(self) -> int:
        """Bytes of content that have been framed so far."""

    @abstractmethod
    def put(self, data: bytes) -> None:
        """Send frames about the connection, which need no window."""

    @abstractmethod
    def send_head(self, stream: S, block: bytes, *, end: bool) -> None:
        """Send a header section, which must have just been encoded."""

    @abstractmethod
    def send_response(self, stream: S, block: bytes, body: bytes, *, end: bool) -> None:
        """Send the header section of a response and the first part of its body."""

    @abstractmethod
    def send_data(self, stream: S, body: bytes, *, end: bool) -> None:
        """Send a part of the body, now or when there is room for it."""

    def send_trailers(self, stream: S, headers: Headers) -> None:
        """Send trailers, and with them the end, after what is unsent."""
        if stream.unsent is not None:
            stream.unsent.trailers = headers
            stream.unsent.ends = True
        else:
            self.send_head(stream, self.encoder.encode(headers), end=True)

    # The end of streams.

    @abstractmethod
    def reset(self, stream: S, code: int) -> None:
        """Reset a stream; what is unsent is dropped."""

    @abstractmethod
    def _stop(self, stream: S) -> None:
        """Close a stream whose response is complete, and tell its client to send no more."""

    def _ended(self, stream: S) -> None:
        """A response is complete. A client that still sends need not (RFC 9113 section 8.1, RFC 9114 section 4.1)."""
        stream.state = AFTER_OUR_END[stream.state]
        if stream.state == CLOSED:
            self.close_stream(stream, CLOSED)
        elif not stream.listens:
            self._stop(stream)

    def close_stream(self, stream: S, state: int) -> None:
        """Close a stream, as `CLOSED` or `RESET`: what is unsent is dropped, and nothing more is received."""
        stream.state = state
        del self._live[stream.id]
        if stream.upload is not None:
            stream.upload.window.close()
            stream.upload = None
        if stream.unsent is not None:
            stream.unsent = None
            self._dequeue(stream)
            stream.on_moved()
        if not self._live:
            self._link.has_no_streams()

    # What waits.

    def _wait(self, stream: S, body: bytes, end: bool) -> None:
        unsent = stream.unsent
        if unsent is None:
            unsent = stream.unsent = Unsent()
            self._link.has_unsent(unsent)
        if body:
            unsent.pieces.append(memoryview(body) if len(body) > self._share else body)
            unsent.size += len(body)
        unsent.ends = end
        self._enqueue(stream)

    @abstractmethod
    def _enqueue(self, stream: S) -> None:
        """Queue a stream for its turn, unless it is queued, or its client has to open its window first."""

    def _dequeue(self, stream: S) -> None:
        """Forget a stream that has nothing more to send."""
        if stream.is_queued:
            stream.is_queued = False
            self._order.remove(stream)

    def _sent_all(self, stream: S, unsent: Unsent) -> None:
        stream.unsent = None
        if unsent.trailers is not None:
            self.send_head(stream, self.encoder.encode(unsent.trailers), end=True)
        elif unsent.ends:
            self._ended(stream)
        stream.on_moved()

    def reprioritise(self, stream: S, priority: Priority) -> None:
        """The client changes the priority of a response (RFC 9218 section 7)."""
        if stream.is_queued:
            self._order.remove(stream)
        stream.priority = priority
        if stream.is_queued:
            self._order.add(stream)
