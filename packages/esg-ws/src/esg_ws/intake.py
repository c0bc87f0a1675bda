"""Reads what a client sends: bytes in, messages out (RFC 6455 section 5).

Sans-I/O. Finds where each frame ends, and decides about lengths and sizes (rules S-3, S-5). The common frame, which
holds a whole uncompressed message, is read here, also if it comes in pieces, and so are control frames and compressed
messages that come whole; all others go to the codec, and the parts of messages that it gives are put together here. The
codec is made when the first such frame comes, because most connections never see one.

Reading stops when no further message is wanted, and when so many frames have been read that are no common ones that it
is the turn of other connections; what is left is kept.
"""

from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable
from typing import Protocol

from esg_ws.codec import Codec, CodecFactory
from esg_ws.deflate import Deflate
from esg_ws.frames import (
    BINARY_MESSAGE,
    CLOSE,
    COMPRESSED_MESSAGES,
    CONTINUATION,
    CONTROL_FRAMES,
    FIN,
    INVALID_DATA,
    LONGEST_CONTROL,
    MASKED,
    PING,
    PONG,
    PROTOCOL_ERROR,
    RSV1,
    TEXT,
    TEXT_MESSAGE,
    TOO_BIG,
    WebSocketError,
    read_close,
    read_long_length,
)
from esg_ws.masking import unmask
from esg_ws.parts import Parts

MOST_FRAGMENTS = 131072
"""Frames that a message may have (rule S-5): 65,536, and room for clients that end with an empty one."""

FRAMES_AT_ONCE = 512
"""Frames, but for common ones, that are read in one go, which takes a few milliseconds."""

WORTH_A_VIEW = 4096
"""Bytes from which on looking at a part of a segment is cheaper than copying it."""

_utf8_decoder = getincrementaldecoder("utf-8")

Deliver = Callable[[str | bytes], bool]
"""Takes a message, and returns whether another one is wanted now."""


class Controls(Protocol):
    """Who is told of control frames."""

    def on_ping(self, payload: bytes) -> None:
        """The client wants a pong."""

    def on_pong(self, payload: bytes) -> None:
        """The client has answered a ping."""

    def on_close(self, code: int, reason: str) -> None:
        """The client closes; it sends nothing more."""


class FrameReader:
    """Reads the frames of one connection; the `Sink` of its codec.

    A message goes to `deliver`, which can be exchanged at any time. No message may be larger than `limit` bytes.
    """

    __slots__ = (
        "_at",
        "_codec",
        "_controls",
        "_decoder",
        "_deflate",
        "_fragments",
        "_held",
        "_is_between",
        "_left",
        "_limit",
        "_make_codec",
        "_mask",
        "_parts",
        "_short",
        "_size",
        "_wanted",
        "_wire_limit",
        "deliver",
    )

    def __init__(
        self, make_codec: CodecFactory, controls: Controls, deliver: Deliver, deflate: Deflate | None, limit: int
    ) -> None:
        self._make_codec = make_codec
        self._codec: Codec | None = None
        self._controls = controls
        self.deliver = deliver
        self._deflate = deflate
        self._limit = self._wire_limit = limit
        self._short = min(125, limit)
        self._is_between = True
        self._held = b""
        self._at = 0
        self._wanted = True
        self._left = 0
        self._mask = b""
        self._decoder: IncrementalDecoder | None = None
        self._parts: Parts | None = None
        self._size = self._fragments = 0

    @property
    def left(self) -> int:
        """Bytes that are missing of the frame which is being read."""
        return self._left

    def hold(self, data: bytes) -> None:
        """Keep bytes for the next `feed()`."""
        self._held = self._held[self._at :] + data
        self._at = 0

    def feed(self, data: bytes) -> bool:
        """Read on; returns whether more is wanted. Raises `WebSocketError` for what the client did wrong."""
        size = len(data) - 6
        try:
            if 0 <= size <= self._short and data[1] == MASKED | size and self._is_between:
                first = data[0]
                if first == TEXT_MESSAGE:
                    return self.deliver(unmask(data[6:], data[2:6]).decode())
                if first == BINARY_MESSAGE:
                    return self.deliver(unmask(data[6:], data[2:6]))
            return self._read(data)
        except UnicodeDecodeError as error:
            raise WebSocketError(INVALID_DATA, "a text message is not UTF-8") from error

    def _read(self, data: bytes) -> bool:
        """As `feed()`, for all that is not one short message in a segment of its own."""
        self._wanted = True
        at = 0
        if self._held or self._left:
            data, at = self._catch_up(data)
        end = len(data)
        wanted = self._wanted
        turns = FRAMES_AT_ONCE
        while wanted and end - at >= 2 and turns:
            first, short, start = data[at], data[at + 1], at + 2
            length = short & 127
            if length > 125:
                long = read_long_length(length, data, start)
                if long is None:
                    break
                length, start = long
            payload = start + 4
            stop = payload + length
            is_common = (first == TEXT_MESSAGE or first == BINARY_MESSAGE) and short >= MASKED and self._parts is None
            if is_common and length <= self._limit and stop <= end:
                part = data[payload:stop] if length < WORTH_A_VIEW else memoryview(data)[payload:stop]
                message = unmask(part, data[start:payload])
                at = stop
                wanted = self.deliver(message.decode() if first == TEXT_MESSAGE else message)
            else:
                begin, at = at, self._read_other(data, at, payload, stop, is_common)
                if at == begin:
                    break
                turns -= 1
                wanted = self._wanted
        if at < end:
            self._held = data
            self._at = at
        self._is_between = at == end and not self._left and self._parts is None
        return wanted and turns > 0

    def _catch_up(self, data: bytes) -> tuple[bytes, int]:
        """Put what has been held before new bytes, and finish the frame that has begun; returns where to go on."""
        at = 0
        if self._held:
            if data:
                self.hold(data)
            data, at = self._held, self._at
            self._held = b""
        if self._left:
            at = self._read_rest(data, at)
        return data, at

    def rest(self) -> None:
        """Called now and then: give back memory that can be had again."""
        if self._parts is None and not self._left:
            self._codec = None
        if self._deflate is not None:
            self._deflate.rest()

    def close(self) -> None:
        """Nothing is read any more."""
        self._codec = None

    # Frames.

    def _read_other(self, data: bytes, at: int, payload: int, stop: int, is_common: bool) -> int:
        """Read a common frame that is not all there, or another one; returns where it ended so far.

        That is `at` if more of it has to come first.
        """
        first, is_masked, length = data[at], data[at + 1] >= MASKED, stop - payload
        if is_common and length <= self._limit:
            if payload > len(data):
                return at
            self._begin(first, data[payload - 4 : payload], length)
            return self._read_rest(data, payload)
        if first in CONTROL_FRAMES and is_masked and length <= LONGEST_CONTROL:
            if stop > len(data):
                return at
            self._hear(first, unmask(data[payload:stop], data[payload - 4 : payload]))
            return stop
        self._check(first, length)
        if first in COMPRESSED_MESSAGES and is_masked and stop <= len(data) and self._parts is None and self._deflate:
            message = self._deflate.inflate(unmask(data[payload:stop], data[payload - 4 : payload]), end=True)
            self._wanted = self.deliver(message.decode() if first & TEXT else message)
            return stop
        return self._pass_on(data, at, stop if is_masked else stop - 4)

    def _hear(self, first: int, content: bytes) -> None:
        """Pass a control frame on; nothing more is wanted after a close."""
        if first == FIN | PING:
            self._controls.on_ping(content)
        elif first == FIN | PONG:
            self._controls.on_pong(content)
        else:
            self._wanted = False
            self._controls.on_close(*read_close(content))

    def _check(self, first: int, length: int) -> None:
        """Raise `WebSocketError` if a frame is longer than it may be; a new message begins to be counted."""
        opcode = first & 0x0F
        if opcode >= CLOSE:
            if length > LONGEST_CONTROL:
                raise WebSocketError(PROTOCOL_ERROR, "a control frame is too long")
            return
        if opcode != CONTINUATION:
            self._size = self._fragments = 0
            self._wire_limit = self._limit
            if first & RSV1:
                self._wire_limit += self._limit // 8 + 1024  # what cannot be compressed grows a little
        self._size += length
        self._fragments += 1
        if self._size > self._wire_limit:
            raise WebSocketError(TOO_BIG, f"a message has more than {self._limit} bytes")
        if self._fragments > MOST_FRAGMENTS:
            raise WebSocketError(TOO_BIG, f"a message has more than {MOST_FRAGMENTS} fragments")

    def _read_rest(self, data: bytes, at: int) -> int:
        """Read on in the middle of a frame; returns where it ended."""
        if not self._mask:
            return self._pass_on(data, at, at + self._left)
        stop = min(at + self._left, len(data))
        self._left -= stop - at
        piece = unmask(memoryview(data)[at:stop], self._mask)
        turn = len(piece) & 3
        self._mask = self._mask[turn:] + self._mask[:turn]
        self._add(piece if self._decoder is None else self._decoder.decode(piece, not self._left), not self._left)
        return stop

    def _begin(self, first: int, mask: bytes, length: int) -> None:
        """A common frame has begun, whose end has not come yet."""
        self._mask = mask
        self._left = length
        self._decoder = _utf8_decoder() if first == TEXT_MESSAGE else None

    def _pass_on(self, data: bytes, at: int, stop: int) -> int:
        """Let the codec read a frame, or the rest of one, which ends at `stop`; returns where it ended so far."""
        self._mask = b""
        end = min(stop, len(data))
        self._left = stop - end
        if self._codec is None:
            self._codec = self._make_codec(self, self._deflate)
        self._codec.feed(data[at:end])
        return end

    # Messages: the sink.

    def _add(self, part: str | bytes, end: bool) -> None:
        if self._parts is None:
            if end:
                self._wanted = self.deliver(part)
                return
            self._parts = Parts("" if isinstance(part, str) else b"")
        self._parts.add(part)
        if end:
            message = self._parts.whole()
            self._parts = None
            self._wanted = self.deliver(message)

    def on_text(self, part: str, end: bool) -> None:
        """As `Sink.on_text`."""
        self._add(part, end)

    def on_binary(self, part: bytes, end: bool) -> None:
        """As `Sink.on_binary`."""
        self._add(part, end)


__all__ = ["FRAMES_AT_ONCE", "MOST_FRAGMENTS", "Controls", "Deliver", "FrameReader"]
