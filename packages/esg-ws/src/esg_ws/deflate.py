"""Compresses and inflates messages (RFC 7692 section 7.2), with bounded memory and in bounded steps (rules S-3, S-5).

Sans-I/O. A few bytes can inflate to megabytes, so input is inflated piece by piece: `inflate()` returns the first
piece, and `go_on()` the next ones. Contexts are made when first needed, and `rest()` drops those that can be made
again: a compressor may start afresh at any message, because its output refers only to its own earlier input.
"""

import zlib
from typing import Any

from esg_ws.compression_offers import Agreement
from esg_ws.frames import PROTOCOL_ERROR, TOO_BIG, WebSocketError

WORTH_COMPRESSING = 64
"""Messages of fewer bytes are sent uncompressed."""

LEVEL = 3
"""zlib's: a third less CPU than its default, 6, or half, for messages that are about 4% longer."""

MEMORY_LEVEL = 5
"""zlib's: with windows of 12 bits, a compressor takes about 40 KiB."""

PIECE = 131072
"""The most bytes that one step inflates to; larger than common messages."""

SLICE = 8192
"""The most compressed bytes that one step takes: empty blocks with their own tables cost 100 ns a byte."""

STEP, INPUT_A_UNIT, OUTPUT_A_UNIT = 8, 16, 256
"""The cost of a step: a fixed part, and the bytes in and out that cost one unit of the turn's budget."""

MOST_STREAMS = 8
"""How often the compressed data of a message may end and restart; each time, the rest of a slice is copied.

A final block ends a stream of zlib, and RFC 7692 allows one in a message (section 7.2.3.4).
"""

_TAIL = b"\x00\x00\xff\xff"


class Deflate:
    """The compression of one connection; no message may inflate to more than `limit` bytes.

    `cost` is that of the latest step, in units of the turn's budget.
    """

    __slots__ = (
        "_agreement",
        "_at",
        "_compressed",
        "_compressor",
        "_ends",
        "_inflater",
        "_left",
        "_limit",
        "_rest",
        "_streams",
        "_used",
        "cost",
        "has_more",
    )

    def __init__(self, agreement: Agreement, limit: int) -> None:
        self._agreement = agreement
        self._limit = self._left = limit
        self._compressed = self._rest = b""
        self._at = self._streams = self.cost = 0
        self._ends = self._used = self.has_more = False
        self._compressor: Any = None  # zlib's types have no public names
        self._inflater: Any = None

    def compress(self, payload: bytes) -> bytes:
        """Compress a message into the payload of one frame."""
        self._used = True
        compressor = self._compressor
        if compressor is None:
            compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -self._agreement.server_bits, MEMORY_LEVEL)
            if self._agreement.server_keeps:
                self._compressor = compressor
        data: bytes = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return data[: -len(_TAIL)]

    def inflate(self, data: bytes, end: bool) -> bytes:
        """The first piece of the next part of a message, the last part if `end` is set.

        Raises `WebSocketError` for data that is not compressed, and as soon as the message exceeds the limit.
        """
        if end:
            data += _TAIL
        self._ends = end
        if len(data) > SLICE:
            self._compressed = data
            data = self._slice()
        return self._step(data)

    def go_on(self) -> bytes:
        """The next piece, which may be empty although there is more; raises like `inflate()`."""
        return self._step(self._rest or self._slice())

    def _slice(self) -> bytes:
        """The next slice of compressed data."""
        data = self._compressed[self._at : self._at + SLICE]
        self._at += SLICE
        if self._at >= len(self._compressed):
            self._compressed = b""
            self._at = 0
        return data

    def _step(self, data: bytes) -> bytes:
        inflater = self._inflater
        if inflater is None:
            inflater = self._inflater = zlib.decompressobj(-self._agreement.client_bits)
        most = PIECE if self._left >= PIECE else self._left + 1
        try:
            content: bytes = inflater.decompress(data, most)
        except zlib.error as error:
            raise WebSocketError(PROTOCOL_ERROR, "a message is not valid compressed data") from error
        size = len(content)
        self._left -= size
        if self._left < 0:
            raise WebSocketError(TOO_BIG, f"a message inflates to more than {self._limit} bytes")
        self.cost = STEP + len(data) // INPUT_A_UNIT + size // OUTPUT_A_UNIT
        if inflater.eof:
            self._rest = self._begin_again(inflater.unused_data)
            size = 0
        else:
            self._rest = inflater.unconsumed_tail
        self.has_more = size == most or self._rest != b"" or self._compressed != b""
        if not self.has_more and self._ends:
            self._left = self._limit
            self._streams = 0
            if not self._agreement.client_keeps:
                self._inflater = None
        return content

    def _begin_again(self, rest: bytes) -> bytes:
        """Restart after the end of the compressed data; `rest` follows it."""
        self._inflater = None
        self._streams += 1
        if self._streams > MOST_STREAMS:
            raise WebSocketError(PROTOCOL_ERROR, "a message has too many final blocks")
        return rest

    def stop(self) -> None:
        """Stop inflating."""
        self._compressed = self._rest = b""
        self._at = 0
        self._inflater = None
        self.has_more = False

    def rest(self) -> None:
        """Release memory that has not been used since the last call; called now and then."""
        if not self._used:
            self._compressor = None
        self._used = False
