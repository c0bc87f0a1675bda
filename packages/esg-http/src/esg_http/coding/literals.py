"""Integers and strings within header sections, in HPACK and in QPACK (RFC 7541 section 5, RFC 9204 section 4.1).

Sans-I/O. Reading raises `IndexError` where the bytes end too early, and `ValueError` for what is wrong.
"""

from esg_http.coding.huffman import decode as decode_huffman
from esg_http.coding.huffman import encode as encode_huffman

LONGEST_INTEGER = 4
"""Bytes after the prefix of an integer: enough for any size that this server accepts (RFC 7541 section 5.1)."""


def read_integer(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """The integer that begins in the low bits of a byte, and where it ends (RFC 7541 section 5.1)."""
    value = block[at] & mask
    at += 1
    if value < mask:
        return value, at
    for shift in range(0, 7 * LONGEST_INTEGER, 7):
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("an integer is too long")


def read_string(block: bytes, at: int) -> tuple[bytes, int]:
    """The string literal that begins at `at`, and where it ends (RFC 7541 section 5.2)."""
    is_coded = block[at] >= 0x80
    length, at = read_integer(block, at, 0x7F)
    end = at + length
    if end > len(block):
        raise ValueError("a string ends beyond the block")
    data = block[at:end]
    return (decode_huffman(data) if is_coded else data), end


def encoded_integer(value: int, pattern: int, mask: int) -> bytes:
    """An integer after the bits of a pattern (RFC 7541 section 5.1)."""
    if value < mask:
        return bytes((pattern | value,))
    encoded = bytearray((pattern | mask,))
    value -= mask
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encoded_string(text: bytes) -> bytes:
    """A string literal, in the shorter of both forms (RFC 7541 section 5.2)."""
    coded = encode_huffman(text)
    if len(coded) < len(text):
        return encoded_integer(len(coded), 0x80, 0x7F) + coded
    return encoded_integer(len(text), 0, 0x7F) + text
