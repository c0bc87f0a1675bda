"""Compresses and decompresses header sections: HPACK (RFC 7541).

Sans-I/O. Clients send the same fields again and again, so most blocks are nothing but references to the tables: such a
block is decoded in one pass of C code. A caller that remembers what a block means must forget it when the table
changes, which `changes` shows.

Both tables hold 4,096 bytes, the default, which needs no negotiation. Values that rarely come back (lengths,
validators) and secrets stay out of the encoder's table.
"""

import re
from collections import deque
from collections.abc import Iterable

from esg_core.asgi import Headers
from esg_http.coding.faults import ConnectionFault, TooManyFields
from esg_http.coding.fields import ENTRY_OVERHEAD, Field
from esg_http.coding.literals import encoded_integer, encoded_string, read_integer, read_string
from esg_http.h2.coding.codes import COMPRESSION_ERROR, ENHANCE_YOUR_CALM
from esg_http.h2.coding.static_table import STATIC_TABLE

TABLE_SIZE = 4096
"""Bytes of a dynamic table, as HPACK counts them (SETTINGS_HEADER_TABLE_SIZE)."""

LITERALS_BEYOND = 512
"""Literals that are still read after the last field allowed in a section, for what they do to the table."""

FIRST_DYNAMIC = len(STATIC_TABLE) + 1

_PLAIN_REFERENCES = re.compile(rb"[\x81-\xfe]++")
"""Indexed fields whose index fits into one byte (RFC 7541 section 6.1)."""

_REFERENCES_OF_TWO = re.compile(rb"(?:[\x81-\xfe]|\xff[\x00-\x7f])++")
"""Indexed fields whose index takes up to two bytes, which is all that the tables have."""

_FIRST_BYTES = bytes(range(128, 256))
"""What the first byte of a reference can be; a second byte is never one of these."""

_INDICES = bytes(range(128)) * 2

_FLEETING = frozenset(
    b"age content-length content-range etag expires last-modified location retry-after x-request-id".split()
)
"""Fields whose values rarely come back, and would drive others out of the table."""

_SECRET = frozenset((b"authorization", b"proxy-authorization", b"set-cookie"))
"""Fields that must not be guessed by watching how well they compress (RFC 7541 section 7.1.3)."""


class HeaderDecoder:
    """The decoding side of a connection's compression.

    `most_fields` and `most_bytes` bound one section: its fields, and the bytes of their names and values together.
    `changes` counts how often the table has changed.
    """

    __slots__ = ("_limit", "_look_up", "_most_bytes", "_most_fields", "_size", "_table", "changes")

    def __init__(self, most_fields: int, most_bytes: int) -> None:
        self._most_fields = most_fields
        self._most_bytes = most_bytes
        self._table: list[Field] = [(b"", b""), *STATIC_TABLE]  # index 0 is not valid, and never looked up
        self._look_up = self._table.__getitem__
        self._size = 0
        self._limit = TABLE_SIZE
        self.changes = 0

    def decode(self, block: bytes) -> Headers:
        """The fields of a whole block.

        Raises `ConnectionFault` for what is not HPACK: the tables of both sides are then out of step. Raises
        `TooManyFields` beyond the bounds. What follows the last field allowed is then read for what it does to the
        table, so that the tables stay in step; if that is too much work, it is a `ConnectionFault` too.
        """
        try:
            if len(block) <= self._most_fields and _PLAIN_REFERENCES.fullmatch(block):
                fields = list(map(self._look_up, block.translate(_INDICES)))
            else:
                fields = self._decode(block)
        except (IndexError, ValueError) as error:
            raise ConnectionFault(COMPRESSION_ERROR, f"a header block is broken: {error}", "RFC 7541") from None
        if len(fields) > self._most_fields:
            raise TooManyFields("too many header fields")
        if sum([len(name) + len(value) for name, value in fields]) > self._most_bytes:
            raise TooManyFields("the header fields are too large")
        return fields

    def _decode(self, block: bytes) -> Headers:
        fields: Headers = []
        at = self._resize_all(block)
        while at < len(block):
            if len(fields) > self._most_fields:
                self._pass_over(block, at)
                break
            first = block[at]
            if first >= 0x80:
                at = self._take_references(block, at, fields)
            elif first >= 0x40:
                field, at = self._literal(block, at, 0x3F)
                self._insert(field)
                fields.append(field)
            elif first >= 0x20:
                raise ValueError("a table size update after the first field")
            else:
                field, at = self._literal(block, at, 0x0F)
                fields.append(field)
        return fields

    def _take_references(self, block: bytes, at: int, fields: Headers) -> int:
        run = _PLAIN_REFERENCES.match(block, at, at + self._most_fields + 1)
        if run is not None:
            fields += map(self._look_up, run[0].translate(_INDICES))
            return run.end()
        index, at = read_integer(block, at, 0x7F)
        fields.append(self._entry(index))
        return at

    def _pass_over(self, block: bytes, at: int) -> None:
        """Read on in a section that already has too many fields: references in one step, literals for the table."""
        literals = 0
        while at < len(block):
            run = _REFERENCES_OF_TWO.match(block, at)
            if run is not None:
                self._look_up(_highest_index(run[0]))
                at = run.end()
                continue
            literals += 1
            if literals > LITERALS_BEYOND:
                raise ConnectionFault(ENHANCE_YOUR_CALM, "far too many header fields", "RFC 9113 section 10.5.1")
            first = block[at]
            if first >= 0x80 or first & 0xE0 == 0x20:
                raise ValueError("neither a reference to a field nor a literal")
            field, at = self._literal(block, at, 0x3F if first >= 0x40 else 0x0F)
            if first >= 0x40:
                self._insert(field)

    def _entry(self, index: int) -> Field:
        if not index:
            raise ValueError("index 0")
        return self._look_up(index)

    def _literal(self, block: bytes, at: int, mask: int) -> tuple[Field, int]:
        index, at = read_integer(block, at, mask)
        if index:
            name = self._look_up(index)[0]
        else:
            name, at = read_string(block, at)
        value, at = read_string(block, at)
        return (name, value), at

    def _resize_all(self, block: bytes) -> int:
        """Obey the table size updates that the block begins with (RFC 7541 section 6.3); returns where they end."""
        at = 0
        while at < len(block) and block[at] & 0xE0 == 0x20:
            limit, at = read_integer(block, at, 0x1F)
            if limit > TABLE_SIZE:
                raise ValueError("a table size update beyond the limit")
            self._limit = limit
            self._evict()
        return at

    def _insert(self, field: Field) -> None:
        self._size += len(field[0]) + len(field[1]) + ENTRY_OVERHEAD
        self._table.insert(FIRST_DYNAMIC, field)
        self._evict()

    def _evict(self) -> None:
        self.changes += 1
        while self._size > self._limit:
            name, value = self._table.pop()
            self._size -= len(name) + len(value) + ENTRY_OVERHEAD


def _highest_index(references: bytes) -> int:
    """The highest index in a run that `_REFERENCES_OF_TWO` has matched."""
    second = references.translate(None, _FIRST_BYTES)
    return 127 + max(second) if second else max(references) - 128


class HeaderEncoder:
    """The encoding side of a connection's compression. `changes` counts how often the table has changed."""

    __slots__ = ("_entries", "_indices", "_inserted", "_limit", "_pending", "_size", "changes")

    def __init__(self) -> None:
        self._entries: deque[Field] = deque()
        self._indices: dict[Field, int] = {}
        self._inserted = 0
        self._limit = TABLE_SIZE
        self._pending: list[int] = []
        self._size = 0
        self.changes = 0

    def resize(self, limit: int) -> None:
        """Obey the peer's SETTINGS_HEADER_TABLE_SIZE; the next block says so (RFC 7541 section 4.2)."""
        limit = min(limit, TABLE_SIZE)
        if limit == self._limit:
            return
        self._limit = limit
        self.changes += 1
        self._evict()
        self._pending = [min([limit, *self._pending]), limit] if self._pending else [limit]

    def encode(self, fields: Iterable[Field]) -> bytes:
        """The block of these fields, whose names must be in lower case."""
        parts = [encoded_integer(limit, 0x20, 0x1F) for limit in self._pending]
        self._pending = []
        parts += [self._encode(field) for field in fields]
        return b"".join(parts)

    def _encode(self, field: Field) -> bytes:
        reference = _REFERENCES.get(field)
        if reference is not None:
            return reference
        number = self._indices.get(field)
        if number is not None:
            return encoded_integer(FIRST_DYNAMIC + self._inserted - number, 0x80, 0x7F)
        name, value = field
        size = len(name) + len(value) + ENTRY_OVERHEAD
        if name in _FLEETING or size > self._limit:
            return _opening(name, 0x00, 0x0F) + encoded_integer(len(value), 0, 0x7F) + value
        if name in _SECRET:
            return _opening(name, 0x10, 0x0F) + encoded_integer(len(value), 0, 0x7F) + value
        self._insert(field, size)
        return _opening(name, 0x40, 0x3F) + encoded_string(value)

    def _insert(self, field: Field, size: int) -> None:
        self.changes += 1
        self._size += size
        self._evict()
        self._inserted += 1
        self._indices[field] = self._inserted
        self._entries.append(field)

    def _evict(self) -> None:
        while self._size > self._limit:
            field = self._entries.popleft()
            del self._indices[field]
            self._size -= len(field[0]) + len(field[1]) + ENTRY_OVERHEAD


def _opening(name: bytes, pattern: int, mask: int) -> bytes:
    """The beginning of a literal: a reference to its name if the static table has it, else the name."""
    index = _NAMES.get(name)
    if index is not None:
        return encoded_integer(index, pattern, mask)
    return bytes((pattern,)) + encoded_string(name)


_REFERENCES = {field: bytes((0x80 | index,)) for index, field in enumerate(STATIC_TABLE, 1)}
_NAMES = {name: index for index, (name, _) in reversed(list(enumerate(STATIC_TABLE, 1)))}
