"""The bytes of WebSocket frames, and their numbers (RFC 6455 sections 5 and 7).

Sans-I/O: values in, bytes out. Knows opcodes, close codes and lengths of frames; not what a message means.
"""

from struct import Struct

from esg_core.errors import ESGError

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA
"""Opcodes; those from 8 on mark control frames."""

FIN, RSV1, MASKED = 0x80, 0x40, 0x80
"""Bits: FIN and RSV1 in the first byte, MASKED in the second."""

TEXT_MESSAGE, BINARY_MESSAGE = FIN | TEXT, FIN | BINARY
"""The first byte of an uncompressed message in one frame."""

COMPRESSED_MESSAGES = frozenset((FIN | RSV1 | TEXT, FIN | RSV1 | BINARY))
"""The first byte of a compressed message in one frame (RFC 7692 section 7.2.3.1)."""

CONTROL_FRAMES = frozenset((FIN | CLOSE, FIN | PING, FIN | PONG))
"""The first bytes of control frames, which cannot be fragmented."""

NORMAL, GOING_AWAY, PROTOCOL_ERROR, NO_STATUS, ABNORMAL = 1000, 1001, 1002, 1005, 1006
INVALID_DATA, TOO_BIG, INTERNAL_ERROR, SERVICE_RESTART = 1007, 1009, 1011, 1012
"""Close codes; NO_STATUS and ABNORMAL are only for the application, never on the wire."""

REASONS = {PROTOCOL_ERROR: "protocol error", INVALID_DATA: "invalid UTF-8", TOO_BIG: "message too big"}
"""What a client that broke a rule is told; the log has the details."""

LONGEST_CONTROL = 125
"""The longest payload of a control frame, in bytes."""

LONGEST_REASON = LONGEST_CONTROL - 2
"""The longest reason of a close, in bytes."""

SHORT_HEADS = {
    first: tuple(bytes((first, size)) for size in range(126))
    for first in (TEXT_MESSAGE, BINARY_MESSAGE, *(FIN | RSV1 | data for data in (TEXT, BINARY)))
}
"""The heads of frames with less than 126 bytes of payload: by first byte, then by size."""

_MIDDLE, _LONG = Struct("!BBH").pack, Struct("!BBQ").pack
_CODE = Struct("!H").pack
_TWO_BYTES, _EIGHT_BYTES = Struct("!H").unpack_from, Struct("!Q").unpack_from


class WebSocketError(ESGError):
    """The client broke a rule: the connection fails with `code` (RFC 6455 section 7.1.7)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def head(first: int, size: int) -> bytes:
    """The head of a data frame with `size` bytes of payload; `first` is its first byte."""
    if size < 126:
        return SHORT_HEADS[first][size]
    return _MIDDLE(first, 126, size) if size < 65536 else _LONG(first, 127, size)


def masked_head(first: int, size: int, mask: bytes) -> bytes:
    """The head of a client's frame with less than 65,536 bytes of payload."""
    if size < 126:
        return bytes((first, MASKED | size)) + mask
    return _MIDDLE(first, MASKED | 126, size) + mask


def control(opcode: int, payload: bytes) -> bytes:
    """A whole control frame."""
    return bytes((FIN | opcode, len(payload))) + payload


def close_payload(code: int, reason: str) -> bytes:
    """The payload of a close frame, its reason cut to fit; empty for NO_STATUS."""
    if code == NO_STATUS:
        return b""
    return _CODE(code) + reason.encode("utf-8", "replace")[:LONGEST_REASON].decode("utf-8", "ignore").encode()


def read_close(payload: bytes) -> tuple[int, str]:
    """The code, or NO_STATUS, and reason of a close; raises `WebSocketError` (RFC 6455 sections 5.5.1 and 7.4)."""
    if not payload:
        return NO_STATUS, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or not may_be_sent(code):
        raise WebSocketError(PROTOCOL_ERROR, f"{code} is not a valid close code")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError as error:
        raise WebSocketError(INVALID_DATA, "the reason of a close is not UTF-8") from error


def may_be_sent(code: int) -> bool:
    """Whether a close frame may carry this code (RFC 6455 section 7.4, IANA's registry)."""
    return code in _REGISTERED or 3000 <= code <= 4999


_REGISTERED = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))


def read_long_length(short: int, data: bytes, at: int) -> tuple[int, int] | None:
    """A length that does not fit in the second byte of a frame, and where it ends; None if it is incomplete.

    `short` is the length in the second byte, `at` the index of the third. Raises `WebSocketError` for a length that is
    not in its shortest form (RFC 6455 section 5.2).
    """
    if short == 126:
        if len(data) < at + 2:
            return None
        (length,) = _TWO_BYTES(data, at)
        at, least = at + 2, 126
    else:
        if len(data) < at + 8:
            return None
        (length,) = _EIGHT_BYTES(data, at)
        at, least = at + 8, 65536
    if not least <= length < 1 << 63:
        raise WebSocketError(PROTOCOL_ERROR, "a length is not in its shortest form")
    return length, at
