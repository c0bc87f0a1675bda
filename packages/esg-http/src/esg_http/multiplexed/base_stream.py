"""One stream of a connection, as far as its frames go: its state, its windows, what waits to be sent.

Sans-I/O. The subclass knows what a stream is for; the empty methods here tell it what happens.
"""

from collections import deque
from math import inf
from typing import Protocol, TypeVar

from esg_core.asgi import Headers
from esg_core.write_pace import WritePace
from esg_http.multiplexed.priority import UNSTATED, Priority
from esg_http.multiplexed.states import OPEN


class Unsent:
    """The part of a response that waits for windows or the transport: pieces of the body, then trailers, then the end.

    `moved` bytes of it have been sent since the last look at it, and `sent_before` is what the connection had sent by
    then; `pace`, which `EngineLink.has_unsent` sets, says when the next look is due.
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


class UploadWindow(Protocol):
    """How much a client may send of one body: the receiving side of flow control."""

    def take(self, size: int) -> None:
        """`size` bytes have come, none of which the application has read."""

    def read(self, size: int) -> int:
        """The application has read `size` bytes; returns by how much the version has to open the window now."""

    def close(self) -> None:
        """No more will come."""


class Upload:
    """A request's body that is still coming.

    `expected` is how many more bytes its content-length announces, negative without one; `received` counts those that
    have come. `deadline` is when its end must have come.
    """

    __slots__ = ("deadline", "expected", "received", "window")

    def __init__(self, window: UploadWindow, expected: int) -> None:
        self.window = window
        self.expected = expected
        self.received = 0
        self.deadline = inf


class BaseStream:
    """A stream that is neither idle nor closed; `window` is what it may send, `upload` what it still receives.

    `listens`: the client's data counts even after the server's last frame.
    """

    __slots__ = ("id", "is_queued", "listens", "priority", "state", "unsent", "upload", "window")

    def __init__(self, number: int, window: int) -> None:
        self.id = number
        self.window = window
        self.state = OPEN
        self.priority: Priority = UNSTATED
        self.upload: Upload | None = None
        self.unsent: Unsent | None = None
        self.is_queued = self.listens = False

    def on_content(self, data: bytes) -> None:
        """A part of the request's body has come."""

    def on_end(self) -> None:
        """The request is complete."""

    def on_reset(self) -> None:
        """The stream is closed: the client has reset it, or has made the server do so."""

    def on_moved(self) -> None:
        """Some of what was unsent has been sent."""


S = TypeVar("S", bound=BaseStream)
