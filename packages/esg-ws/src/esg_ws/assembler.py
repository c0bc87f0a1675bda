"""Makes messages of what frames carry: takes off the compression, and puts the parts together.

Sans-I/O; knows no frames. It works in pieces of bounded cost: after `add()` there may be more to inflate, for which
`go_on()` is called, now or in another turn. What it holds of a message counts as what waits for the application does
(rule S-6).
"""

from typing import Protocol

from esg_ws.allowance import Allowance
from esg_ws.deflate import Deflate
from esg_ws.parts import Parts, TextParts, held_size

BYTES_A_UNIT = 2048
"""Bytes that are unmasked, checked and put together for a unit of the turn's budget."""


class Queue(Protocol):
    """What takes the messages."""

    @property
    def room(self) -> int:
        """Bytes that the next message may have already, beside those that wait."""

    def feed(self, message: str | bytes, size: int) -> bool:
        """A message has come, which counts as so many bytes; returns whether another one is wanted now."""


class Assembler:
    """The message that is coming, by which each piece of work takes its cost from the allowance.

    `has_more` tells that `go_on()` has to be called before anything else is added, `is_wanted`, whether the queue had
    room for more when something was added last. `collected` is what a message takes that is not complete.
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
        """What is added from now on is of a new message."""
        self._is_text = is_text

    def add(self, content: bytes, end: bool) -> None:
        """The next part has come, with `end` the last one; raises `UnicodeDecodeError` for a text that is none."""
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
        """As `add()`, of what is compressed; raises `WebSocketError` for what cannot be inflated, too."""
        assert self._deflate is not None
        self._ends = end
        self._take(self._deflate, self._deflate.inflate(content, end))

    def inflate_message(self, content: bytes, *, is_text: bool) -> None:
        """As `begin()` and `inflate()`, of a message that has come whole."""
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
        """Inflate the next piece; raises as `inflate()`."""
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
        """Called now and then: give back memory that can be had again."""
        if self._deflate is not None:
            self._deflate.rest()

    def drop(self) -> None:
        """No message is wanted any more: forget what has come."""
        self._parts = None
        self.collected = 0
        self.has_more = False
        self.is_wanted = True
        if self._deflate is not None:
            self._deflate.stop()
