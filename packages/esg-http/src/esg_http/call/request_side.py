"""The request half of an ASGI call: the body as it arrives, and `receive()` (ASGI HTTP 2.5).

Knows ASGI, and only the phase of the response. The connection feeds it; what the application has not taken is held
here, and the connection stops reading when that grows large (rule H-7).
"""

from typing import TYPE_CHECKING

from esg_core.asgi import Message
from esg_core.waiting import Waiters
from esg_http.call.phases import COMPLETE, IN_BODY

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.contracts import Connection, Stream
    from esg_core.figures.outcomes import Row

MOST_PIECES = 256
"""How many parts of a request body are held separately."""


class RequestSide:
    """The base of a cycle, which sets these attributes: a second `__init__` would cost every request."""

    __slots__ = (
        "_body",
        "_body_taken",
        "_context",
        "_phase",
        "_stream",
        "_waiters",
        "body_complete",
        "buffered",
        "client_gone",
        "expects_continue",
        "input_over",
        "row",
    )

    _body: list[bytes] | None
    _body_taken: bool
    _context: "Context"
    _phase: int
    _stream: "Stream"
    _waiters: Waiters | None
    body_complete: bool
    buffered: int
    client_gone: bool
    expects_continue: bool
    input_over: bool
    row: "Row | None"

    @property
    def connection(self) -> "Connection":
        """What carries the request."""
        return self._stream.connection

    @property
    def is_from_proxy(self) -> bool:
        """Whether the peer is a proxy that is trusted to say where requests come from (rule H-19)."""
        return self._stream.is_trusted

    def feed(self, data: bytes) -> None:
        """Take a part of the request body."""
        if self._phase == COMPLETE:
            return
        if self._body is None:
            self._body = [data]
        else:
            self._body.append(data)
            if len(self._body) > MOST_PIECES:  # small ones cost more than they hold (rule H-20)
                self._body = [b"".join(self._body)]
        self.buffered += len(data)
        if self.row is not None:
            self.row.received += len(data)
        if self._waiters is not None:
            self._waiters.wake()

    def feed_end(self) -> None:
        """Mark the request body as complete."""
        self.body_complete = True
        if self._waiters is not None:
            self._waiters.wake()

    def end_input(self) -> None:
        """The client seems to have gone: `receive()` reports it, and `send()` still sends (rules H-9, H-24)."""
        self.input_over = True
        if self._waiters is not None:
            self._waiters.wake()

    def take_body(self) -> bytes:
        """Take the body, which is complete, instead of calling `receive()`."""
        self._body_taken = True
        return b"" if self._body is None else self._take_body()["body"]

    async def receive(self) -> Message:
        """ASGI's `receive`: the request body, then `http.disconnect` once the client is gone or has its response."""
        while True:
            if self.client_gone or self._phase == COMPLETE:
                return {"type": "http.disconnect"}
            if self._body is not None:
                return self._take_body()
            if self.body_complete and not self._body_taken:
                self._body_taken = True
                return {"type": "http.request", "body": b"", "more_body": False}
            if self.input_over:
                return {"type": "http.disconnect"}
            if self.expects_continue and self._phase < IN_BODY:
                self.expects_continue = False
                self._stream.inform(100, [])
            if self._waiters is None:
                self._waiters = Waiters(self._context.loop)
            await self._waiters.wait()

    def _take_body(self) -> Message:
        assert self._body is not None
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = None
        self.buffered = 0
        self._body_taken = self.body_complete
        self._stream.consumed(len(body))
        return {"type": "http.request", "body": body, "more_body": not self.body_complete}
