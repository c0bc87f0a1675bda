"""Encodes the header sections of one connection's responses.

Takes fields as HTTP/1.1 writes them (`message.response_head` checks them, and has `server` and `date` ready) and turns
their lines into HPACK or QPACK. A block is remembered until the encoder's table changes, which QPACK's never does:
applications send few different sets of fields.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from esg_core.asgi import Headers
from esg_http.coding.fields import Field
from esg_http.message.response_head import SAYS_DATE, SAYS_SERVER, FieldBlock, HeadPrefix, encode_fields
from esg_http.multiplexed.request_head import CONNECTION_FIELDS

REMEMBERED = 128
REMEMBERED_BLOCK = 1024
"""Bytes; the encoding of longer field lines is not remembered."""


def split_lines(block: bytes) -> Iterator[Field]:
    """The fields in field lines, except those that only HTTP/1.1 has."""
    for line in block.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        if name not in CONNECTION_FIELDS:
            yield name, value.strip(b" \t")


def split_headers(headers: Headers) -> list[Field]:
    """An application's header fields, checked and ready to be encoded; raises `ApplicationError`."""
    return list(split_lines(encode_fields(headers)[0]))


class FieldEncoder(Protocol):
    """Encodes header sections; `changes` counts how often its table has changed."""

    @property
    def changes(self) -> int:
        """A remembered block is good as long as this stays the same."""

    def encode(self, fields: Iterable[Field]) -> bytes:
        """Return the block of these fields, whose names must be in lower case."""


class ResponseHeads:
    """Encodes the heads of one connection's responses."""

    __slots__ = ("_changes", "_encoder", "_known", "prefix")

    def __init__(self, encoder: FieldEncoder, prefix: HeadPrefix) -> None:
        self._encoder = encoder
        self.prefix = prefix
        self._known: dict[tuple[bytes, bytes], bytes] = {}
        self._changes = 0

    def encode(self, status: int, prepared: FieldBlock) -> bytes:
        """The block of a final response, which must be sent at once."""
        block, _, says = prepared
        prefix = self.prefix.without(status, says) if says & (SAYS_SERVER | SAYS_DATE) else self.prefix.get(status)
        if self._encoder.changes == self._changes:
            known = self._known.get((prefix, block))
            if known is not None:
                return known
        return self._encode(status, prefix, block)

    def _encode(self, status: int, prefix: bytes, block: bytes) -> bytes:
        own = prefix.partition(b"\r\n")[2]
        encoded = self._encoder.encode([(b":status", b"%d" % status), *split_lines(own), *split_lines(block)])
        if (
            self._encoder.changes != self._changes
        ):  # this block may have changed it, and would mean something else if sent again
            self._changes = self._encoder.changes
            self._known.clear()
        elif len(block) <= REMEMBERED_BLOCK:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[prefix, block] = encoded
        return encoded
