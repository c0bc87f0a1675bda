"""HTTP/2 frames as the tests write and read them: independent of the server's code, and possibly wrong."""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

from h2.errors import ErrorCodes as Code
from h2.settings import SettingCodes as Setting

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Fields = Iterable[tuple[bytes, bytes]]


class Kind(IntEnum):
    """Types of frames."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9
    PRIORITY_UPDATE = 16


END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20
RESERVED = 1 << 31
"""The bit in front of a stream's number."""


def number(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, "big")


def frame(kind: int, stream: int = 0, payload: bytes = b"", flags: int = 0) -> bytes:
    return number(len(payload), 3) + bytes((kind, flags)) + number(stream) + payload


def padded(content: bytes, padding: int, *, said: int | None = None) -> bytes:
    """A payload with that many bytes of padding, which announces `said` of them."""
    return bytes((padding if said is None else said,)) + content + bytes(padding)


def priority_fields(depends_on: int = 0, weight: int = 15, *, exclusive: bool = False) -> bytes:
    return number(depends_on | (RESERVED if exclusive else 0)) + bytes((weight,))


def text(value: bytes) -> bytes:
    """A string literal of HPACK, without Huffman coding."""
    size, length = len(value), bytearray()
    if size < 127:
        return bytes((size,)) + value
    size -= 127
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return b"\x7f" + bytes(length) + bytes((size,)) + value


def literal(name: bytes, value: bytes, *, how: int = 0) -> bytes:
    """An HPACK field with a literal name; 0x40 for `how` adds it to the table, 0x10 forbids that."""
    return bytes((how,)) + text(name) + text(value)


def block(fields: Fields) -> bytes:
    """A header block that neither uses the dynamic table nor changes it."""
    return b"".join([literal(*field) for field in fields])


METHOD, SCHEME, PATH, AUTHORITY = (
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":path", b"/"),
    (b":authority", b"a.test"),
)
GET = (METHOD, SCHEME, PATH, AUTHORITY)
POST = ((b":method", b"POST"), SCHEME, PATH, AUTHORITY)


def headers(stream: int = 1, fields: Fields = GET, *, end: bool = True, done: bool = True) -> bytes:
    """HEADERS; `end` is that of the stream, `done` that of the block."""
    return raw_headers(stream, block(fields), end=end, done=done)


def raw_headers(stream: int, payload: bytes, flags: int = 0, *, end: bool = True, done: bool = True) -> bytes:
    return frame(Kind.HEADERS, stream, payload, flags | END_STREAM * end | END_HEADERS * done)


def continuation(stream: int, payload: bytes, *, done: bool = True) -> bytes:
    return frame(Kind.CONTINUATION, stream, payload, END_HEADERS * done)


def post(stream: int = 1, *more: tuple[bytes, bytes]) -> bytes:
    """The head of a request whose body follows."""
    return headers(stream, [*POST, *more], end=False)


def data(stream: int, content: bytes = b"", *, end: bool = False) -> bytes:
    return frame(Kind.DATA, stream, content, END_STREAM * end)


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(Kind.SETTINGS, 0, b"".join([number(key, 2) + number(value) for key, value in pairs]))


SETTINGS_ACK = frame(Kind.SETTINGS, flags=ACK)
OPENING = PREFACE + settings() + SETTINGS_ACK


def ping(payload: bytes = b"12345678", *, ack: bool = False) -> bytes:
    return frame(Kind.PING, 0, payload, ACK * ack)


def window(stream: int, increment: int) -> bytes:
    return frame(Kind.WINDOW_UPDATE, stream, number(increment))


def reset(stream: int, code: int = Code.CANCEL) -> bytes:
    return frame(Kind.RST_STREAM, stream, number(code))


def priority(stream: int, depends_on: int = 0, weight: int = 15, *, exclusive: bool = False) -> bytes:
    return frame(Kind.PRIORITY, stream, priority_fields(depends_on, weight, exclusive=exclusive))


def priority_update(stream: int, field: bytes = b"u=1") -> bytes:
    return frame(Kind.PRIORITY_UPDATE, 0, number(stream) + field)


def goaway(last: int = 0, code: int = Code.NO_ERROR, *, stream: int = 0) -> bytes:
    return frame(Kind.GOAWAY, stream, number(last) + number(code))


class Frame(NamedTuple):
    """A received frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def ends(self) -> bool:
        """Whether it is the last of its stream."""
        return self.kind == Kind.RST_STREAM or bool(self.kind in (Kind.DATA, Kind.HEADERS) and self.flags & END_STREAM)

    @property
    def code(self) -> int:
        """The code of GOAWAY or RST_STREAM."""
        return int.from_bytes(self.payload[4:8] if self.kind == Kind.GOAWAY else self.payload[:4], "big")


def read(received: bytes) -> Iterator[Frame]:
    """The frames in these bytes; none may be incomplete."""
    while received:
        size = int.from_bytes(received[:3], "big")
        assert len(received) >= 9 + size, "half a frame"
        stream = int.from_bytes(received[5:9], "big")
        yield Frame(received[3], received[4], stream, received[9 : 9 + size])
        received = received[9 + size :]


__all__ = [
    "ACK",
    "AUTHORITY",
    "END_HEADERS",
    "END_STREAM",
    "GET",
    "METHOD",
    "OPENING",
    "PADDED",
    "PATH",
    "POST",
    "PREFACE",
    "RESERVED",
    "SCHEME",
    "SETTINGS_ACK",
    "WITH_PRIORITY",
    "Code",
    "Fields",
    "Frame",
    "Kind",
    "Setting",
    "block",
    "continuation",
    "data",
    "frame",
    "goaway",
    "headers",
    "literal",
    "number",
    "padded",
    "ping",
    "post",
    "priority",
    "priority_fields",
    "priority_update",
    "raw_headers",
    "read",
    "reset",
    "settings",
    "text",
    "window",
]
