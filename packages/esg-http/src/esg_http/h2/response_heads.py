"""Encodes the header sections of one connection's responses.

Takes fields as HTTP/1.1 writes them (`message.response_head` checks them, and has `server` and `date` ready) and turns
their lines into HPACK. A block is remembered until the encoder's table changes: applications send few different sets of
fields, so all but the first are references.
"""

from collections.abc import Iterator

from esg_core.asgi import Headers
from esg_http.h2.coding.hpack import Field, HeaderEncoder
from esg_http.h2.engine.request_head import CONNECTION_FIELDS
from esg_http.message.response_head import SAYS_DATE, SAYS_SERVER, FieldBlock, HeadPrefix, encode_fields

REMEMBERED = 128
REMEMBERED_BLOCK = 1024
"""Bytes; the encoding of longer field lines is not remembered."""


def split_lines(block: bytes) -> Iterator[Field]:
    """The fields in field lines, except those that HTTP/2 does not have."""
    for line in block.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        if name not in CONNECTION_FIELDS:
            yield name, value.strip(b" \t")


def split_headers(headers: Headers) -> list[Field]:
    """An application's header fields, checked and ready to be encoded; raises `ApplicationError`."""
    return list(split_lines(encode_fields(headers)[0]))


class ResponseHeads:
    """Encodes the heads of one connection's responses."""

    __slots__ = ("_changes", "_encoder", "_known", "_prefix")

    def __init__(self, encoder: HeaderEncoder, prefix: HeadPrefix) -> None:
        self._encoder = encoder
        self._prefix = prefix
        self._known: dict[tuple[bytes, bytes], bytes] = {}
        self._changes = 0

    def encode(self, status: int, prepared: FieldBlock) -> bytes:
        """The block of a final response, which must be sent at once."""
        block, _, says = prepared
        prefix = self._prefix.without(status, says) if says & (SAYS_SERVER | SAYS_DATE) else self._prefix.get(status)
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
