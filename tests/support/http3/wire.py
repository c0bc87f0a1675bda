"""HTTP/3 as bytes, written and read with the parts of another implementation: pylsqpack, and aioquic's buffers."""

from collections.abc import Iterator
from typing import NamedTuple

import pylsqpack
from aioquic._buffer import Buffer
from aioquic.buffer import encode_uint_var

from esg_core.asgi import Headers

DATA, HEADERS, CANCEL_PUSH, SETTINGS, PUSH_PROMISE, GOAWAY, MAX_PUSH_ID = 0, 1, 3, 4, 5, 7, 13
PRIORITY_UPDATE, PRIORITY_UPDATE_OF_PUSH = 0xF0700, 0xF0701
CONTROL, PUSH, ENCODER, DECODER = range(4)

GET: Headers = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/"), (b":authority", b"a.test")]


class Frame(NamedTuple):
    kind: int
    payload: bytes


def request(path: bytes = b"/", method: bytes = b"GET", *more: tuple[bytes, bytes]) -> Headers:
    return [(b":method", method), (b":scheme", b"https"), (b":path", path), (b":authority", b"a.test"), *more]


def varint(value: int) -> bytes:
    return encode_uint_var(value)


def frame(kind: int, payload: bytes = b"") -> bytes:
    return varint(kind) + varint(len(payload)) + payload


LONGEST = 65535
"""Bytes of a value that pylsqpack encodes."""


def block(fields: Headers = GET) -> bytes:
    """A header section that refers to no dynamic table."""
    encoder = pylsqpack.Encoder()
    _, encoded = encoder.encode(0, [(name, value) for name, value in fields if len(value) <= LONGEST])
    return bytes(encoded) + b"".join([_literal(*field) for field in fields if len(field[1]) > LONGEST])


def _literal(name: bytes, value: bytes) -> bytes:
    """A field whose short name and long value are written as they are (RFC 9204 section 4.5.6)."""
    assert len(name) < 7
    left, number = len(value) - 0x7F, [0x7F]
    while left >= 0x80:
        number.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([0x20 | len(name)]) + name + bytes([*number, left]) + value


def headers(fields: Headers = GET) -> bytes:
    return frame(HEADERS, block(fields))


def data(content: bytes = b"") -> bytes:
    return frame(DATA, content)


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, b"".join([varint(name) + varint(value) for name, value in pairs]))


def control(*frames: bytes) -> bytes:
    """The beginning of a control stream."""
    return varint(CONTROL) + b"".join(frames or (settings(),))


def fields_of(encoded: bytes) -> Headers:
    """What a header section says."""
    _, fields = pylsqpack.Decoder(0, 0).feed_header(0, encoded)
    return [(bytes(name), bytes(value)) for name, value in fields]


def read(stream: bytes) -> Iterator[Frame]:
    """The whole frames that a stream begins with."""
    buffer = Buffer(data=stream)
    while not buffer.eof():
        kind = buffer.pull_uint_var()
        size = buffer.pull_uint_var()
        if size > buffer.capacity - buffer.tell():
            return
        yield Frame(kind, buffer.pull_bytes(size))
