"""The bytes of the attacks: requests, frames and blocks that no honest client would send."""

import struct
import zlib

GET = b"GET / HTTP/1.1\r\nhost: t\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n"

DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
PRIORITY_UPDATE = 16
END_STREAM = ACK = 0x1
END_HEADERS = 0x4

LARGEST = 16384
"""Bytes of the largest frame that every server accepts."""


def frame(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """Any frame of HTTP/2."""
    return struct.pack(">LBL", len(payload) << 8 | kind, flags, stream) + payload


OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0) + frame(SETTINGS, 0, flags=ACK)


def literal(name: bytes, value: bytes, how: int = 0) -> bytes:
    """A short field of HPACK; with 0x40 for `how` it goes into the table."""
    return bytes((how, len(name))) + name + bytes((len(value),)) + value


def request_block(method: bytes = b"GET", *more: tuple[bytes, bytes]) -> bytes:
    """The header block of a request that leaves the table as it is."""
    fields = [(b":method", method), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"t"), *more]
    return b"".join([literal(*field) for field in fields])


def headers(stream: int, block: bytes, flags: int = END_STREAM) -> bytes:
    """A whole header block in one frame."""
    return frame(HEADERS, stream, block, flags | END_HEADERS)


def section(stream: int, block: bytes) -> bytes:
    """A header block in as many frames as it needs; the request has nothing else."""
    first, *more = [block[at : at + LARGEST] for at in range(0, len(block), LARGEST)]
    if not more:
        return headers(stream, first)
    begin = frame(HEADERS, stream, first, END_STREAM)
    between = [frame(CONTINUATION, stream, part) for part in more[:-1]]
    return b"".join([begin, *between, frame(CONTINUATION, stream, more[-1], END_HEADERS)])


def message(payload: bytes, first: int = 0x82) -> bytes:
    """A frame of WebSocket, masked with zeros."""
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65536:
        head = struct.pack("!BBH", first, 0xFE, size)
    else:
        head = struct.pack("!BBQ", first, 0xFF, size)
    return head + bytes(4) + payload


def deflated(size: int) -> bytes:
    """A compressed message of that many zeros."""
    compressor = zlib.compressobj(wbits=-15)
    content = compressor.compress(bytes(size)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return message(content[:-4], 0xC2)
