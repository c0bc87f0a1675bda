"""Compresses and inflates messages (RFC 7692 section 7.2), with bounded memory (rule S-3).

Sans-I/O. Contexts of zlib are made when they are first needed, and `rest()` lets go of those that can be made again: a
compressor may begin anew at any message, because what it writes refers only to what it has seen itself.
"""

import zlib
from typing import Any

from esg_ws.compression_offers import Agreement
from esg_ws.frames import PROTOCOL_ERROR, TOO_BIG, WebSocketError

WORTH_COMPRESSING = 64
"""Bytes of payload below which a message is sent as it is."""

MEMORY_LEVEL = 5
"""zlib's: with windows of 12 bits, a compressor takes about 40 KiB."""

MOST_STREAMS = 8
"""How often compressed data may end and begin anew within one frame; each time, what is left is copied.

A final block ends a stream of zlib, and RFC 7692 allows one in a message (section 7.2.3.4).
"""

_TAIL = b"\x00\x00\xff\xff"


class Deflate:
    """The compression of one connection; no message that is inflated may be larger than `limit` bytes."""

    __slots__ = ("_agreement", "_compressor", "_inflater", "_limit", "_size", "_used")

    def __init__(self, agreement: Agreement, limit: int) -> None:
        self._agreement = agreement
        self._limit = limit
        self._size = 0
        self._used = False
        self._compressor: Any = None  # zlib's types have no public names
        self._inflater: Any = None

    def compress(self, payload: bytes) -> bytes:
        """The payload of the one frame that carries a message."""
        self._used = True
        compressor = self._compressor
        if compressor is None:
            compressor = zlib.compressobj(
                zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -self._agreement.server_bits, MEMORY_LEVEL
            )
            if self._agreement.server_keeps:
                self._compressor = compressor
        data: bytes = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return data[: -len(_TAIL)]

    def inflate(self, data: bytes, end: bool) -> bytes:
        """The content of a part of a message; `end` tells that it is the last.

        Raises `WebSocketError` for what is not compressed data, and as soon as the message is larger than the limit.
        """
        try:
            content = self._inflate(data + _TAIL if end else data)
        except zlib.error as error:
            raise WebSocketError(PROTOCOL_ERROR, "a message is not compressed as it says") from error
        if end:
            self._size = 0
            if not self._agreement.client_keeps:
                self._inflater = None
        return content

    def rest(self) -> None:
        """Called now and then: give back memory that has not been used since the last time."""
        if not self._used:
            self._compressor = None
        self._used = False

    def _inflate(self, data: bytes) -> bytes:
        content = b""
        for _ in range(MOST_STREAMS):
            if self._inflater is None:
                self._inflater = zlib.decompressobj(-self._agreement.client_bits)
            inflated: bytes = self._inflater.decompress(data, self._limit - self._size + 1)
            self._size += len(inflated)
            if self._size > self._limit:
                raise WebSocketError(TOO_BIG, f"a message inflates to more than {self._limit} bytes")
            content = content + inflated if content else inflated
            if not self._inflater.eof:
                return content
            data = self._inflater.unused_data
            self._inflater = None
            if not data:
                return content
        raise WebSocketError(PROTOCOL_ERROR, "a message has too many final blocks")


__all__ = ["MEMORY_LEVEL", "WORTH_COMPRESSING", "Deflate"]
