"""Reads what a client sends: bytes in, messages out (RFC 6455 section 5).

Sans-I/O. Finds the end of each frame, and checks lengths and sizes (rules S-3, S-5). It reads frames that hold a whole
message, and control frames; fragments and invalid frames go to the codec, large ones in parts, as an intermediary may
cut them (section 5.4). The codec is made for the first such frame, because most connections never see one. The content
of frames goes to the `Assembler`.

Reading stops when no further message is wanted, and when other connections must have their turn (rule H-22); the rest
is kept.
"""

from collections.abc import Callable
from typing import Protocol

from esg_core.turns import UNCOUNTED, TurnBudget
from esg_ws.allowance import Allowance
from esg_ws.assembler import BYTES_A_UNIT, Assembler, Queue
from esg_ws.codec import Codec, CodecFactory
from esg_ws.deflate import Deflate
from esg_ws.frames import (
    BINARY,
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
    masked_head,
    read_close,
    read_long_length,
)
from esg_ws.masking import unmask

MOST_FRAGMENTS = 131072
"""The most frames in a message (rule S-5): 65,536, with room for clients that end with an empty one."""

PART = 65535
"""The most bytes read at a time of a frame that is incomplete or goes to the codec."""

LARGEST_AT_ONCE = 262144
"""The largest frame, in bytes, that is read in one go if it is all there."""

WORTH_A_VIEW = 4096
"""From this size on, in bytes, a view of a segment is cheaper than a copy."""

SMALL_MESSAGE, CONTROL_FRAME, CODEC_FRAME = 2, 10, 30
"""The cost of frames in units of the turn's budget, besides their bytes."""


class Controls(Protocol):
    """Handles control frames."""

    def on_ping(self, payload: bytes) -> None:
        """The client expects a pong."""

    def on_pong(self, payload: bytes) -> None:
        """The client has answered a ping."""

    def on_close(self, code: int, reason: str) -> None:
        """The client closes, and sends nothing more."""


class FrameReader:
    """Reads the frames of one connection; no message may be larger than `limit` bytes."""

    __slots__ = (
        "_allowance",
        "_at",
        "_at_once",
        "_codec",
        "_controls",
        "_deliver",
        "_drops",
        "_fin",
        "_first",
        "_fragments",
        "_held",
        "_in_message",
        "_inflates",
        "_is_between",
        "_is_compressed",
        "_is_midway",
        "_is_whole",
        "_left",
        "_limit",
        "_make_codec",
        "_mask",
        "_messages",
        "_short",
        "_size",
        "_wire_limit",
    )

    def __init__(
        self,
        make_codec: CodecFactory,
        controls: Controls,
        queue: Queue,
        deflate: Deflate | None,
        limit: int,
        budget: TurnBudget,
    ) -> None:
        self._make_codec = make_codec
        self._codec: Codec | None = None
        self._controls = controls
        self._deliver: Callable[[str | bytes, int], bool] = queue.feed
        self._allowance = Allowance(budget)
        self._messages = Assembler(queue, deflate, self._allowance)
        self._limit = self._wire_limit = limit
        self._at_once = min(LARGEST_AT_ONCE, limit)
        self._short = min(125, limit)
        self._is_between = True
        self._is_midway = self._is_whole = self._is_compressed = self._in_message = self._drops = False
        self._inflates = deflate is not None
        self._held = self._mask = b""
        self._at = self._left = self._first = self._fin = 0
        self._size = self._fragments = 0

    @property
    def left(self) -> int:
        """How many bytes of the current frame are still to come."""
        return self._left

    @property
    def collected(self) -> int:
        """How many bytes are held of an incomplete message."""
        return self._messages.collected

    def hold(self, data: bytes) -> None:
        """Keep bytes for the next `feed()`."""
        self._held = self._held[self._at :] + data
        self._at = 0

    def feed(self, data: bytes) -> bool:
        """Read on; returns whether everything has been read and more is wanted.

        Otherwise, `feed(b"")` reads the rest. Raises `WebSocketError` for what the client did wrong.
        """
        size = len(data) - 6
        try:
            if 0 <= size <= self._short and data[1] == MASKED | size and self._is_between:
                first = data[0]
                if first == TEXT_MESSAGE:
                    return self._deliver(unmask(data[6:], data[2:6]).decode(), size)
                if first == BINARY_MESSAGE:
                    return self._deliver(unmask(data[6:], data[2:6]), size)
            return self._read(data)
        except UnicodeDecodeError as error:
            raise WebSocketError(INVALID_DATA, "a text message is not UTF-8") from error

    def _read(self, data: bytes) -> bool:
        """Read everything but a segment that is exactly one short message; see `feed()`."""
        at, left, wanted = 0, UNCOUNTED, True
        if self._held or self._is_midway:
            data, at = self._catch_up(data)
            left, wanted = self._allowance.left, self._messages.is_wanted
        end = len(data)
        while wanted and end - at >= 2 and (left > 0 or (left := self._more(left)) > 0):
            first, short, start = data[at], data[at + 1], at + 2
            length = short & 127
            if length > 125:
                long = read_long_length(length, data, start)
                if long is None:
                    break
                length, start = long
            payload = start + 4
            stop = payload + length
            is_message = (first == TEXT_MESSAGE or first == BINARY_MESSAGE) and short >= MASKED
            if is_message and length <= self._at_once and stop <= end and not self._in_message:
                part = data[payload:stop] if length < WORTH_A_VIEW else memoryview(data)[payload:stop]
                message = unmask(part, data[start:payload])
                at = stop
                left -= SMALL_MESSAGE + length // BYTES_A_UNIT
                wanted = self._deliver(message.decode() if first == TEXT_MESSAGE else message, length)
            else:
                self._allowance.left = left
                begin, at = at, self._read_other(data, at, payload, stop)
                if at == begin:
                    break
                left, wanted = self._allowance.left, self._messages.is_wanted
        if at < end:
            self._held = data
            self._at = at
        self._is_between = at == end and not self._is_midway and not self._in_message
        if left > 0 and not self._allowance.granted:
            return wanted
        is_all = left > 0 or (end - at < 2 and not self._messages.has_more)
        self._allowance.left = left
        self._allowance.settle()
        return wanted and is_all

    def _more(self, left: int) -> int:
        """What is left of the allowance after asking the budget."""
        self._allowance.left = left
        return 0 if self._allowance.is_over() else self._allowance.left

    def _catch_up(self, data: bytes) -> tuple[bytes, int]:
        """Put held bytes before the new ones, and continue the frame that has begun; returns where to go on."""
        at = 0
        self._allowance.left = UNCOUNTED
        self._messages.is_wanted = True
        if self._held:
            if data:
                self.hold(data)
            data, at = self._held, self._at
            self._held = b""
        return data, self._work_off(data, at) if self._is_midway else at

    def rest(self) -> None:
        """Release memory that can be allocated again; called now and then."""
        if not self._in_message and not self._is_midway:
            self._codec = None
        self._messages.rest()

    def drop(self) -> None:
        """Skip everything that still comes, except control frames."""
        self._drops = True
        self._inflates = self._is_whole = False
        self._deliver = _drop
        self._messages.drop()
        self._is_midway = self._left > 0

    def close(self) -> None:
        """Stop reading."""
        self._codec = None

    # Frames.

    def _read_other(self, data: bytes, at: int, payload: int, stop: int) -> int:
        """Read a frame that is not a small, whole message; returns how far it got, `at` if more must come first."""
        first, length = data[at], stop - payload
        self._messages.is_wanted = True
        if data[at + 1] < MASKED:
            raise WebSocketError(PROTOCOL_ERROR, "a frame is not masked")
        if first in CONTROL_FRAMES and length <= LONGEST_CONTROL:
            if stop > len(data):
                return at
            self._pass_on(first, unmask(data[payload:stop], data[payload - 4 : payload]))
            return stop
        self._check_length(first, length)
        if payload > len(data):
            return at
        if first in COMPRESSED_MESSAGES and stop <= len(data) and self._inflates and not self._in_message:
            content = unmask(data[payload:stop], data[payload - 4 : payload])
            self._messages.inflate_message(content, is_text=first & TEXT > 0)
            return self._work_off(data, stop) if self._messages.has_more else stop
        self._begin(first, data[payload - 4 : payload], length)
        return self._work_off(data, self._read_part(data, payload))

    def _pass_on(self, first: int, content: bytes) -> None:
        """Pass on a control frame; nothing more is wanted after a close."""
        self._allowance.left -= CONTROL_FRAME
        if first == FIN | PING:
            self._controls.on_ping(content)
        elif first == FIN | PONG:
            self._controls.on_pong(content)
        else:
            self._messages.is_wanted = False
            self._controls.on_close(*read_close(content))

    def _check_length(self, first: int, length: int) -> None:
        """Raise `WebSocketError` if a frame is too long; start the count of a new message."""
        opcode = first & 0x0F
        if opcode >= CLOSE:
            if length > LONGEST_CONTROL:
                raise WebSocketError(PROTOCOL_ERROR, "a control frame is too long")
            return
        if opcode != CONTINUATION:
            self._size = self._fragments = 0
            self._wire_limit = self._limit
            if first & RSV1:
                self._wire_limit += self._limit // 8 + 1024  # incompressible data grows a little
        if self._size + length > self._wire_limit:
            raise WebSocketError(TOO_BIG, f"a message has more than {self._limit} bytes")

    def _begin(self, first: int, mask: bytes, length: int) -> None:
        """Begin a frame whose content is read in parts."""
        self._mask = mask
        self._left = length
        self._size += length
        self._fragments += 1
        if self._fragments > MOST_FRAGMENTS:
            raise WebSocketError(TOO_BIG, f"a message has more than {MOST_FRAGMENTS} fragments")
        opcode = first & 0x0F
        if opcode == TEXT or opcode == BINARY:
            self._is_compressed = first & RSV1 > 0 and self._inflates
            self._messages.begin(is_text=opcode == TEXT)
            first = (first & ~RSV1 if self._is_compressed else first) & 0xF0 | BINARY
        self._is_whole = first == BINARY_MESSAGE and not self._in_message and not self._drops
        self._first, self._fin = first & ~FIN, first & FIN

    def _work_off(self, data: bytes, at: int) -> int:
        """Read on within a frame, or within what it inflates to; returns how far it got."""
        allowance, messages = self._allowance, self._messages
        while messages.is_wanted and (allowance.left > 0 or not allowance.is_over()):
            if messages.has_more:
                messages.go_on()
            elif self._left and at < len(data):
                at = self._read_part(data, at)
            else:
                break
        self._is_midway = self._left > 0 or messages.has_more
        return at

    def _read_part(self, data: bytes, at: int) -> int:
        """Read part of a frame; returns where the part ended."""
        mask, size = self._mask, min(self._left, len(data) - at, LARGEST_AT_ONCE if self._is_whole else PART)
        stop = at + size
        self._left -= size
        if size & 3:
            self._mask = mask[size & 3 :] + mask[: size & 3]
        self._allowance.left -= SMALL_MESSAGE
        if self._is_whole:
            part = data[at:stop] if size < WORTH_A_VIEW else memoryview(data)[at:stop]
            self._add(unmask(part, mask), not self._left)
        elif not self._drops:
            self._allowance.left -= CODEC_FRAME + size // BYTES_A_UNIT
            if self._codec is None:
                self._codec = self._make_codec(self._on_data)
            first, self._first = self._first, CONTINUATION
            self._codec.feed(masked_head(first if self._left else first | self._fin, size, mask) + data[at:stop])
        return stop

    def _on_data(self, content: bytes, end: bool) -> None:
        self._in_message = not end
        self._add(content, end)

    def _add(self, content: bytes, end: bool) -> None:
        if self._is_compressed:
            self._messages.inflate(content, end)
        else:
            self._messages.add(content, end)


def _drop(_message: str | bytes, _size: int) -> bool:
    """Drop a message that came after our close (RFC 6455 section 1.4)."""
    return True
