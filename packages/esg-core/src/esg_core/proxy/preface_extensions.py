"""Parses the extensions (TLVs) of a preface of the PROXY protocol, version 2 (rule H-19).

Sans-I/O, pure functions over bytes. Specification: "The PROXY protocol", sections 2.2 to 2.2.6. A checksum, if present,
is verified; the other extensions are passed on unchanged.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

CRC32C = 0x03
NOOP = 0x04
SSL = 0x20
CLIENT_SSL = 0x01
"""In the first byte of `SSL`: the client connected to the proxy over TLS."""


MOST_EXTENSIONS = 256
"""Per preface; balancers send a dozen (rule H-20)."""


class Extension(NamedTuple):
    """One TLV: its type, and its value."""

    kind: int
    value: bytes


class ExtensionError(ValueError):
    """These bytes are not extensions, or the checksum is wrong; the text says why."""


def read_extensions(preface: bytes, start: int) -> tuple[Extension, ...]:
    """The extensions from `start` to the end of a preface, without checksum and padding; raises `ExtensionError`."""
    found = []
    has_checksum = False
    for number, (place, extension) in enumerate(_split(preface, start)):
        if number == MOST_EXTENSIONS:
            raise ExtensionError("there are too many extensions")
        if extension.kind == CRC32C:
            if has_checksum:
                raise ExtensionError("there are two checksums")
            has_checksum = True
            _verify(preface, place, extension.value)
        elif extension.kind != NOOP:
            found.append(extension)
    return tuple(found)


def tells_of_tls(extensions: tuple[Extension, ...]) -> bool:
    """Whether the client connected to the proxy over TLS."""
    return any(one.kind == SSL and bool(one.value[:1]) and bool(one.value[0] & CLIENT_SSL) for one in extensions)


def _split(preface: bytes, place: int) -> Iterator[tuple[int, Extension]]:
    """Each extension, and where its value begins."""
    while place < len(preface):
        value = place + 3
        end = value + int.from_bytes(preface[place + 1 : value])
        if value > len(preface) or end > len(preface):
            raise ExtensionError("an extension is cut off")
        yield value, Extension(preface[place], preface[value:end])
        place = end


def _verify(preface: bytes, place: int, value: bytes) -> None:
    """Verify the checksum of the whole preface, in which its own bytes count as zero (section 2.2.3)."""
    if len(value) != 4 or crc32c(preface[:place] + bytes(4) + preface[place + 4 :]) != int.from_bytes(value):
        raise ExtensionError("the checksum is wrong")


def crc32c(data: bytes) -> int:
    """The checksum of RFC 9260, appendix A."""
    table, rest = _table(), 0xFFFFFFFF
    for byte in data:
        rest = table[(rest ^ byte) & 0xFF] ^ rest >> 8
    return rest ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    return tuple(map(_remainder, range(256)))


def _remainder(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte
