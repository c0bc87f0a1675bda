"""What a client sends and reads: frames made by hand, right and wrong."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
MASK = b"\x37\xfa\x21\x3d"


class Frame(NamedTuple):
    """A frame from the server."""

    first: int
    payload: bytes

    @property
    def opcode(self) -> int:
        return self.first & 0x0F

    @property
    def code(self) -> int:
        """The code of a close; 1005 for none."""
        return int.from_bytes(self.payload[:2], "big") if self.payload else 1005


def masked(payload: bytes, mask: bytes = MASK) -> bytes:
    data = bytearray(payload)
    for index in range(4):
        data[index::4] = payload[index::4].translate(bytes(byte ^ mask[index] for byte in range(256)))
    return bytes(data)


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = MASK) -> bytes:
    """One frame from a client; `rsv` are its reserved bits, 4 being RSV1; with `mask` None it is not masked."""
    size = len(payload)
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0 if mask is None else 0x80
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + payload if mask is None else head + mask + masked(payload, mask)


def text(content: str) -> bytes:
    return frame(TEXT, content.encode())


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def fragments(opcode: int, *parts: bytes) -> list[bytes]:
    """A message in one frame per part."""
    last = len(parts) - 1
    return [frame(CONTINUATION if at else opcode, part, fin=at == last) for at, part in enumerate(parts)]


def deflated(payload: bytes, bits: int = 12) -> bytes:
    """The content of a compressed message."""
    compressor = zlib.compressobj(wbits=-bits)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def read_frames(data: bytes) -> Iterator[Frame]:
    """The frames that a server has written; fails on masked or incomplete ones."""
    at = 0
    while at < len(data):
        first, size = data[at], data[at + 1]
        assert size < 128, "a server masks nothing (RFC 6455 section 5.1)"
        at += 2
        if size > 125:
            width = 2 if size == 126 else 8
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        assert at + size <= len(data), "a frame is cut"
        yield Frame(first, data[at : at + size])
        at += size
