"""Turns the content of frames into messages: inflates it, and joins its parts.

Sans-I/O; knows no frames. It works in pieces of bounded cost: after `inflate()` there may be more to inflate, for which
`go_on()` is called, in this turn or another. The part of a message that it holds counts like the messages that wait for
the application (rule S-6).
"""

from collections.abc import Callable
from typing import Protocol

from esg_ws.allowance import Allowance
from esg_ws.deflate import Deflate
from esg_ws.parts import Parts, TextParts, held_size

BYTES_A_UNIT = 2048
"""Bytes that one unit of the turn's budget pays for: to unmask, check and join them."""


class Queue(Protocol):
    """Takes the messages."""

    @property
    def room(self) -> int:
        """How many bytes of the next message may be held, besides the messages that wait."""

    def feed(self, message: str | bytes, size: int) -> bool:
        """Take a message, which counts as `size` bytes; returns whether another one is wanted now."""


class Inbox(Queue, Protocol):
    """Takes the messages of a connection; as a str, the name of the client in the log."""

    def has_room_for(self, collected: int) -> bool:
        """Whether reading may resume after a pause; `collected` counts the bytes held of the next message."""

    def when_empty(self, callback: Callable[[], None]) -> None:
        """Call `callback` when all messages have been taken and another one is asked for; at once if there are none."""

    def end(self, code: int, reason: str) -> None:
        """End the messages, in both directions; only the first call counts."""


class Assembler:
    """The incoming message; each piece of work on it takes its cost from the allowance.

    `has_more` says that `go_on()` must be called before anything else is added; `is_wanted`, whether the queue had room
    for more when something was last added. `collected` counts the bytes held of an incomplete message.
    """

    __slots__ = (
        "_allowance",
        "_deflate",
        "_ends",
        "_is_text",
        "_parts",
        "_queue",
        "collected",
        "has_more",
        "is_wanted",
    )

    def __init__(self, queue: Queue, deflate: Deflate | None, allowance: Allowance) -> None:
        self._queue = queue
        self._deflate = deflate
        self._allowance = allowance
        self._is_text = self._ends = False
        self._parts: Parts | None = None
        self.collected = 0
        self.has_more = False
        self.is_wanted = True

    def begin(self, *, is_text: bool) -> None:
        """Begin a new message."""
        self._is_text = is_text

    def add(self, content: bytes, end: bool) -> None:
        """Add the next part, the last one if `end` is set; raises `UnicodeDecodeError` for text that is not UTF-8."""
        parts = self._parts
        if parts is None:
            if end:
                size = len(content)
                self._allowance.left -= size // BYTES_A_UNIT
                self.is_wanted = self._queue.feed(content.decode() if self._is_text else content, size)
                return
            parts = self._parts = TextParts() if self._is_text else Parts()
        size = parts.add(content, end)
        self._allowance.left -= size // BYTES_A_UNIT
        self.collected += size
        if end:
            self._finish(parts.whole())
        else:
            self.is_wanted = self.collected <= self._queue.room

    def inflate(self, content: bytes, end: bool) -> None:
        """Add a compressed part; also raises `WebSocketError` if it cannot be inflated."""
        assert self._deflate is not None
        self._ends = end
        self._take(self._deflate, self._deflate.inflate(content, end))

    def inflate_message(self, content: bytes, *, is_text: bool) -> None:
        """Take a compressed message that has come whole: `begin()` and `inflate()` in one."""
        deflate = self._deflate
        assert deflate is not None
        first = deflate.inflate(content, True)
        self._allowance.left -= deflate.cost
        if not deflate.has_more:
            self.is_wanted = self._queue.feed(first.decode() if is_text else first, len(first))
            return
        self._is_text = is_text
        self._ends = self.has_more = True
        self.add(first, False)

    def go_on(self) -> None:
        """Inflate the next piece; raises like `inflate()`."""
        assert self._deflate is not None
        self._take(self._deflate, self._deflate.go_on())

    def _take(self, deflate: Deflate, content: bytes) -> None:
        self._allowance.left -= deflate.cost
        self.has_more = deflate.has_more
        self.add(content, self._ends and not deflate.has_more)

    def _finish(self, message: str | bytes) -> None:
        self._parts = None
        self.collected = 0
        size = held_size(message)
        self._allowance.left -= size // BYTES_A_UNIT
        self.is_wanted = self._queue.feed(message, size)

    def rest(self) -> None:
        """Release memory that can be allocated again; called now and then."""
        if self._deflate is not None:
            self._deflate.rest()

    def drop(self) -> None:
        """Forget what has come: no more messages are wanted."""
        self._parts = None
        self.collected = 0
        self.has_more = False
        self.is_wanted = True
        if self._deflate is not None:
            self._deflate.stop()
