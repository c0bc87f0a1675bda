"""The bytes of WebSocket frames for the clients: one prepared, many counted quickly, pings answered."""

import os
import struct
import zlib

_CONTROL = 0x08
"""The bit of a frame's first byte that only pings, pongs and closes have."""

_PING = 0x89
_SENTENCE = b'{"user": 17, "channel": "lobby", "text": "The quick brown fox jumps over the lazy dog"}, '


def text_of(size: int) -> bytes:
    """A text of that many bytes that compresses like messages of applications."""
    return (_SENTENCE * (size // len(_SENTENCE) + 1))[:size]


def compressed(payload: bytes) -> bytes:
    """The content of a message under permessage-deflate, right after any other message."""
    compressor = zlib.compressobj(wbits=-9)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def masked_frame(payload: bytes, *, is_compressed: bool) -> bytes:
    """A whole text message, as clients send it."""
    first = 0xC1 if is_compressed else 0x81
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    else:
        head = struct.pack("!BBH", first, 0xFE, size) if size < 65536 else struct.pack("!BBQ", first, 0xFF, size)
    mask = os.urandom(4)
    pad = (mask * (size // 4 + 1))[:size]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def pong(payload: bytes) -> bytes:
    """The answer to a ping, masked with zeros."""
    return bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def frames_of(data: bytes) -> list[tuple[int, bytes]]:
    """The first byte and the payload of each whole message of a server that sends one frame per message."""
    frames = []
    at = 0
    while (head := _head(data, at)) is not None and head[1] <= len(data):
        if not data[at] & _CONTROL:
            frames.append((data[at], data[head[0] : head[1]]))
        at = head[1]
    return frames


class FrameCounter:
    """Counts the whole messages of a server without looking into them, and keeps its pings."""

    def __init__(self) -> None:
        self.pings: list[bytes] = []
        """The payloads of pings, to be taken out and answered."""
        self._skip = 0
        self._head = b""

    @property
    def has_begun(self) -> bool:
        """Whether there is a part of a frame."""
        return self._skip > 0 or bool(self._head)

    def feed(self, data: bytes) -> int:
        """How many messages these bytes complete; control frames do not count."""
        count = 0
        at = self._skip
        if self._head:
            data = self._head + data
            self._head = b""
        elif self._skip and at <= len(data):
            count = 1
        while at < len(data):
            head = _head(data, at)
            is_control = data[at] & _CONTROL
            if head is None or (is_control and head[1] > len(data)):
                self._head = data[at:]
                self._skip = 0
                return count
            if data[at] == _PING:
                self.pings.append(data[head[0] : head[1]])
            at = head[1]
            count += not is_control and at <= len(data)
        self._skip = at - len(data)
        return count


def _head(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of a frame begins and where it ends; None if that cannot be seen yet."""
    if len(data) < at + 2:
        return None
    size = data[at + 1]
    if size < 126:
        return at + 2, at + 2 + size
    form, start = ("!H", at + 4) if size == 126 else ("!Q", at + 10)
    if len(data) < start:
        return None
    (size,) = struct.unpack_from(form, data, at + 2)
    return start, start + size
