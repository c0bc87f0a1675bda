"""Frames as bytes: how they are written, and how a stream of them is read (RFC 9114 section 7).

Sans-I/O: which frame may come when is decided elsewhere. Pieces of a stream may have any size.
"""

from collections.abc import Mapping

from esg_http.coding.faults import ConnectionFault
from esg_http.h3.coding.codes import (
    GOAWAY,
    H3_FRAME_ERROR,
    H3_SETTINGS_ERROR,
    SETTINGS,
    SETTINGS_OF_HTTP2,
)
from esg_http.h3.coding.varints import encoded_varint, read_varint

IGNORED = 0x21
"""A type that stands for nothing (RFC 9114 section 7.2.8)."""

LARGEST_CONTENT_HEAD = 5
"""Bytes of the type and length of DATA that this server sends, at most."""


def frame(kind: int, payload: bytes) -> bytes:
    """A frame of any type."""
    return encoded_varint(kind) + encoded_varint(len(payload)) + payload


def headers_frame(block: bytes) -> bytes:
    """HEADERS."""
    return b"\x01" + encoded_varint(len(block)) + block


def data_head(size: int) -> bytes:
    """What DATA with `size` bytes of content begins with."""
    return b"\x00" + encoded_varint(size)


def settings_frame(settings: Mapping[int, int]) -> bytes:
    """SETTINGS, with what this side announces."""
    pairs = [encoded_varint(name) + encoded_varint(value) for name, value in settings.items()]
    return frame(SETTINGS, b"".join(pairs))


def goaway_frame(number: int) -> bytes:
    """GOAWAY: requests on streams of this number and above are not served."""
    return frame(GOAWAY, encoded_varint(number))


def read_settings(payload: bytes) -> dict[int, int]:
    """The settings in a SETTINGS frame (RFC 9114 section 7.2.4)."""
    settings: dict[int, int] = {}
    at = 0
    while at < len(payload):
        name, at = read_varint(payload, at)
        value, at = read_varint(payload, at) if name >= 0 else (-1, at)
        if value < 0:
            raise ConnectionFault(H3_FRAME_ERROR, "SETTINGS ends within a setting", "RFC 9114 section 7.1")
        if name in settings or name in SETTINGS_OF_HTTP2:
            raise ConnectionFault(H3_SETTINGS_ERROR, "a setting is repeated or reserved", "RFC 9114 section 7.2.4")
        settings[name] = value
    return settings


def read_only_varint(payload: bytes) -> int:
    """The number that a payload consists of."""
    number, end = read_varint(payload, 0)
    if number < 0 or end != len(payload):
        raise ConnectionFault(H3_FRAME_ERROR, "a frame of the wrong length", "RFC 9114 section 7.1")
    return number


class FrameTooLarge(Exception):
    """A frame that has to be read as a whole says that it is larger than allowed."""


class FrameReader:
    """Splits the bytes of one stream into frames.

    Types in `whole` are returned as one piece of at most `most` bytes, all others in pieces, as they come. `kind` is
    the type of the frame being read, `left` how much of it is still to come.
    """

    __slots__ = ("_missing", "_most", "_parts", "_rest", "_whole", "kind", "left")

    def __init__(self, whole: frozenset[int], most: int) -> None:
        self._whole = whole
        self._most = most
        self._rest = b""
        self._parts: list[bytes] = []
        self._missing = 0
        self.kind = -1
        self.left = 0

    @property
    def is_within(self) -> bool:
        """Whether the bytes so far end within a frame."""
        return self.kind >= 0 or bool(self._rest)

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return self.left - self._missing if self._missing else len(self._rest)

    def add(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        if self._missing:
            self._parts.append(data)
            self._missing = max(0, self._missing - len(data))
            if self._missing:
                return
            data = b"".join(self._parts)
            self._parts.clear()
        self._rest = self._rest + data if self._rest else data

    def next(self) -> tuple[int, bytes, bool] | None:
        """The next frame or piece of one: its type, its payload, and whether that ends it; None for the lack of bytes.

        Raises `FrameTooLarge`; then the rest of the frame must be skipped or the stream be given up.
        """
        if self._missing:
            return None
        rest = self._rest
        if self.kind < 0:
            kind, at = read_varint(rest, 0)
            size, at = read_varint(rest, at) if kind >= 0 else (-1, at)
            if size < 0:
                return None
            self.kind, self.left = kind, size
            self._rest = rest = rest[at:]
            if kind in self._whole and size > self._most:
                raise FrameTooLarge
        kind, left, size = self.kind, self.left, len(rest)
        if size >= left:
            self._rest = rest[left:]
            self.kind, self.left = -1, 0
            return kind, rest[:left], True
        self._rest = b""
        if kind in self._whole:
            self._parts.append(rest)
            self._missing = left - size
            return None
        if not size:
            return None
        self.left = left - size
        return kind, rest, False

    def skip(self) -> None:
        """Read the rest of the frame that was too large in pieces, as if it were of a type to be ignored."""
        self.kind = IGNORED
