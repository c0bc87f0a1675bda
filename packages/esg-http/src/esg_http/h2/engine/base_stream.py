"""One stream of a connection, as far as its frames go: its state, its windows, what waits to be sent.

Sans-I/O. What a stream is for, its subclass knows; the methods here that do nothing tell it what happens.
"""

from collections import deque
from math import inf

from esg_core.asgi import Headers
from esg_core.write_pace import WritePace
from esg_http.h2.engine.priority import UNTOLD, Priority
from esg_http.h2.engine.states import OPEN
from esg_http.h2.engine.windows import StreamWindow


class Unsent:
    """What of a response waits for windows or for the transport: parts of the body, then trailers, then the end.

    `moved` bytes of it were sent since it was last looked at, which `pace` says when to do; `sent_before` is what the
    connection had sent by then. The pace is set where it is noticed that something waits (`Sending._has_unsent`).
    """

    __slots__ = ("ends", "moved", "pace", "pieces", "sent_before", "size", "trailers")

    pace: WritePace

    def __init__(self) -> None:
        self.pieces: deque[bytes | memoryview] = deque()
        self.size = 0
        self.ends = False
        self.trailers: Headers | None = None
        self.moved = 0
        self.sent_before = 0


class Upload:
    """A request's body that is coming.

    `expected` is how many bytes of it content-length says are still to come, negative if it says nothing; `received`
    are those that came. `deadline` is when its end must have come.
    """

    __slots__ = ("deadline", "expected", "received", "window")

    def __init__(self, window: StreamWindow, expected: int) -> None:
        self.window = window
        self.expected = expected
        self.received = 0
        self.deadline = inf


class BaseStream:
    """A stream that is not idle and not closed; `window` is what it may send, `upload` what it still receives.

    `listens` tells that the client's data counts even after the last frame of the server.
    """

    __slots__ = ("id", "is_queued", "listens", "priority", "state", "unsent", "upload", "window")

    def __init__(self, number: int, window: int) -> None:
        self.id = number
        self.window = window
        self.state = OPEN
        self.priority: Priority = UNTOLD
        self.upload: Upload | None = None
        self.unsent: Unsent | None = None
        self.is_queued = self.listens = False

    def on_content(self, data: bytes) -> None:
        """A part of the request's body has come."""

    def on_end(self) -> None:
        """The request is complete."""

    def on_reset(self) -> None:
        """The client has reset the stream, or done something for which the server had to; it is closed."""

    def on_moved(self) -> None:
        """Some of what was unsent has been sent."""
