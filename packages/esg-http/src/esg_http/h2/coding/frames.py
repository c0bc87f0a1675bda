"""Frames as bytes: how they are written, and the parts of payloads that many types share (RFC 9113 sections 4 and 6).

Sans-I/O and stateless: which frame may come when is decided elsewhere.
"""

import struct
from collections.abc import Iterable, Mapping

from esg_http.coding.faults import ConnectionFault
from esg_http.h2.coding.codes import (
    ACK,
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    LAST_STREAM,
    PADDED,
    PING,
    PROTOCOL_ERROR,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client begins with (RFC 9113 section 3.4)."""

FRAME_HEADER = struct.Struct(">LBL")
"""Length and type in one number, flags, stream."""

HEADER_SIZE = FRAME_HEADER.size

_LONG = struct.Struct(">L")
_TWO_LONGS = struct.Struct(">LL")
_SETTING = struct.Struct(">HL")

pack = FRAME_HEADER.pack
"""The header of a frame, from its parts."""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of any type."""
    return pack(len(payload) << 8 | kind, flags, stream) + payload


def headers_frames(stream: int, block: bytes, most: int, *, end: bool) -> bytes:
    """A header block, in as many frames as it takes with payloads of up to `most` bytes."""
    flags = END_STREAM if end else 0
    if len(block) <= most:
        return frame(HEADERS, flags | END_HEADERS, stream, block)
    parts = [frame(HEADERS, flags, stream, block[:most])]
    for at in range(most, len(block), most):
        last = END_HEADERS if at + most >= len(block) else 0
        parts.append(frame(CONTINUATION, last, stream, block[at : at + most]))
    return b"".join(parts)


def settings_frame(settings: Mapping[int, int]) -> bytes:
    """SETTINGS, with what this side announces."""
    return frame(SETTINGS, 0, 0, b"".join([_SETTING.pack(*setting) for setting in settings.items()]))


def reset_frame(stream: int, code: int) -> bytes:
    """RST_STREAM."""
    return frame(RST_STREAM, 0, stream, _LONG.pack(code))


def window_frame(stream: int, increment: int) -> bytes:
    """WINDOW_UPDATE, of a stream or, with 0, of the connection."""
    return frame(WINDOW_UPDATE, 0, stream, _LONG.pack(increment))


def ping_frame(payload: bytes, *, ack: bool = False) -> bytes:
    """PING, or the answer to one; the payload has eight bytes."""
    return frame(PING, ACK if ack else 0, 0, payload)


def goaway_frame(last: int, code: int, reason: str = "") -> bytes:
    """GOAWAY; `reason` helps to debug the client."""
    return frame(GOAWAY, 0, 0, _TWO_LONGS.pack(last, code) + reason.encode())


SETTINGS_ACK = frame(SETTINGS, ACK, 0, b"")


def read_settings(payload: bytes) -> Iterable[tuple[int, int]]:
    """The settings in a SETTINGS frame, in order."""
    if len(payload) % _SETTING.size:
        raise ConnectionFault(FRAME_SIZE_ERROR, "a SETTINGS frame of the wrong length", "RFC 9113 section 6.5")
    return _SETTING.iter_unpack(payload)


def read_long(payload: bytes, at: int = 0) -> int:
    """A 31-bit number; the bit before it is reserved."""
    number: int = _LONG.unpack_from(payload, at)[0]
    return number & LAST_STREAM


def content_of(payload: bytes, flags: int) -> tuple[bytes, int | None]:
    """What padding and priority fields leave of a payload, and the stream that it says it depends on."""
    at, end = 0, len(payload)
    depends_on = None
    if flags & PADDED:
        if not payload:
            raise ConnectionFault(FRAME_SIZE_ERROR, "a padded frame without its pad length", "RFC 9113 section 6.1")
        at, end = 1, end - payload[0]
    if flags & WITH_PRIORITY:
        if len(payload) < at + 5:
            raise ConnectionFault(FRAME_SIZE_ERROR, "a frame is too short for its priority", "RFC 9113 section 6.2")
        depends_on = read_long(payload, at)
        at += 5
    if at > end:
        raise ConnectionFault(PROTOCOL_ERROR, "padding is longer than its frame", "RFC 9113 section 6.1")
    return payload[at:end], depends_on
