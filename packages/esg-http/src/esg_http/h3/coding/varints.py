"""Integers of variable length (RFC 9000 section 16). Sans-I/O and stateless."""

import struct

_pack_2 = struct.Struct(">H").pack
_pack_4 = struct.Struct(">L").pack
_pack_8 = struct.Struct(">Q").pack


def encoded_varint(value: int) -> bytes:
    """The shortest form of a number up to 2^62 - 1."""
    if value < 0x40:
        return bytes((value,))
    if value < 0x4000:
        return _pack_2(0x4000 | value)
    if value < 0x40000000:
        return _pack_4(0x80000000 | value)
    return _pack_8(0xC000000000000000 | value)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends; -1 and `at` if it is not whole."""
    if at >= len(data):
        return -1, at
    first = data[at]
    if first < 0x40:
        return first, at + 1
    size = 1 << (first >> 6)
    end = at + size
    if end > len(data):
        return -1, at
    return int.from_bytes(data[at:end], "big") & ((1 << (8 * size - 2)) - 1), end
