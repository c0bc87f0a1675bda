"""Compresses and decompresses header sections: QPACK without its dynamic table (RFC 9204).

Sans-I/O and stateless. The server announces a table of no capacity and inserts nothing into the client's, so a section
is a function of its own bytes: no stream waits for another, and what a block means can be remembered. Values are
written as they are: coding them by Huffman costs more time than the bytes it saves are worth.
"""

import re
from collections.abc import Iterable

from esg_core.asgi import Headers
from esg_http.coding.faults import ConnectionFault, TooManyFields
from esg_http.coding.fields import Field
from esg_http.coding.huffman import decode as decode_huffman
from esg_http.coding.literals import encoded_integer, read_integer, read_string
from esg_http.h3.coding.codes import QPACK_DECOMPRESSION_FAILED
from esg_http.h3.coding.static_table import STATIC_TABLE

_PLAIN_REFERENCES = re.compile(rb"[\xc0-\xfe]++")
"""Indexed fields of the static table whose index fits into one byte (RFC 9204 section 4.5.2)."""

_INDICES = bytes(range(64)) * 4

_SECRET = frozenset((b"authorization", b"proxy-authorization", b"set-cookie"))
"""Fields that no intermediary may put into a table (RFC 9204 section 7.1.3)."""

_NO_TABLE = b"\0\0"
"""What a section begins with that refers to no dynamic table (RFC 9204 section 4.5.1)."""

REMEMBERED_FIELDS = 256
LONGEST_REMEMBERED = 128
"""Bytes; the encoding of a longer field is not remembered."""


def decode(block: bytes, most_fields: int, most_bytes: int) -> Headers:
    """The fields of a whole block.

    Raises `ConnectionFault` for what is not QPACK, or refers to the dynamic table; `TooManyFields` beyond the bounds,
    without reading on.
    """
    try:
        return _decode(block, most_fields, most_bytes)
    except (IndexError, ValueError) as error:
        raise ConnectionFault(
            QPACK_DECOMPRESSION_FAILED, f"a header section is broken: {error}", "RFC 9204 section 4.5"
        ) from None


def _decode(block: bytes, most_fields: int, most_bytes: int) -> Headers:
    fields: Headers = []
    at = _begin(block)
    total, size = 0, len(block)
    while at < size:
        run = _PLAIN_REFERENCES.match(block, at, at + most_fields + 1)
        if run is not None:
            found = [STATIC_TABLE[index] for index in run[0].translate(_INDICES)]
            at = run.end()
        else:
            field, at = _field(block, at)
            found = [field]
        fields += found
        total += sum([len(name) + len(value) for name, value in found])
        if len(fields) > most_fields:
            raise TooManyFields("too many header fields")
        if total > most_bytes:
            raise TooManyFields("the header fields are too large")
    return fields


def _begin(block: bytes) -> int:
    """Check that a section needs no dynamic table (RFC 9204 section 4.5.1); returns where its fields begin."""
    required, at = read_integer(block, 0, 0xFF)
    sign = block[at] & 0x80
    _, at = read_integer(block, at, 0x7F)
    if required or sign:
        raise ValueError("it needs the dynamic table")
    return at


def _field(block: bytes, at: int) -> tuple[Field, int]:
    first = block[at]
    if first >= 0x80:
        index, at = read_integer(block, at, 0x3F)
        return _entry(first & 0x40, index), at
    if first >= 0x40:
        index, at = read_integer(block, at, 0x0F)
        name = _entry(first & 0x10, index)[0]
    elif first >= 0x20:
        length, at = read_integer(block, at, 0x07)
        end = at + length  # beyond the block, there is no value
        name = decode_huffman(block[at:end]) if first & 0x08 else block[at:end]
        at = end
    else:
        raise ValueError("a reference to the dynamic table")
    value, at = read_string(block, at)
    return (name, value), at


def _entry(is_static: int, index: int) -> Field:
    if not is_static:
        raise ValueError("a reference to the dynamic table")
    return STATIC_TABLE[index]


class _Encoded(dict[Field, bytes]):
    """Fields and their encoding: applications send few different ones."""

    def __missing__(self, field: Field) -> bytes:
        encoded = _encode(field)
        if len(encoded) <= LONGEST_REMEMBERED and field[0] not in _SECRET:
            if len(self) >= REMEMBERED_FIELDS:
                self.clear()
            self[field] = encoded
        return encoded


class FieldEncoder:
    """Encodes header sections; `changes` stays 0, because there is no table that could change."""

    __slots__ = ()

    changes = 0

    def encode(self, fields: Iterable[Field]) -> bytes:
        """The block of these fields, whose names must be in lower case."""
        return _NO_TABLE + b"".join([_ENCODED[field] for field in fields])


def _encode(field: Field) -> bytes:
    index = _REFERENCES.get(field)
    if index is not None:
        return encoded_integer(index, 0xC0, 0x3F)
    name, value = field
    never = name in _SECRET
    index = _NAMES.get(name)
    if index is not None:
        opening = encoded_integer(index, 0x70 if never else 0x50, 0x0F)
    else:
        opening = encoded_integer(len(name), 0x30 if never else 0x20, 0x07) + name
    return opening + encoded_integer(len(value), 0, 0x7F) + value


_REFERENCES = {field: index for index, field in enumerate(STATIC_TABLE)}
_NAMES = {name: index for index, (name, _) in reversed(list(enumerate(STATIC_TABLE)))}
_ENCODED = _Encoded()
