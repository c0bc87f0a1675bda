"""Writes the responses of one HTTP/1.1 connection: the stream that its cycles write to.

Knows response bytes (through `response_head`) and the transport; of requests, only what decides about the framing of
the answer: the method HEAD, and what the fields ask for. A head and the first part of its body take one `write`.
"""

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING, BinaryIO

from esg_core.asgi import Headers
from esg_core.contracts import Connection, Prepared
from esg_core.sockets.ends import close, reset
from esg_core.waiting import WriteGate
from esg_http.call.sendfile import send_file
from esg_http.h1.request_fields import NO_FIELDS, RequestFields
from esg_http.message.response_head import (
    NO_LENGTH,
    SAYS_CLOSE,
    SAYS_DATE,
    SAYS_SERVER,
    HeadPrefix,
    encode_chunk,
    encode_fields,
    prepare_fields,
    status_line,
)

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_http.h1.body import Body

LARGE_BODY = 65536
"""A body of at least this size, in bytes, goes to the transport as it is instead of being copied behind its head."""

TLS_PIECE = 131072
"""Bytes of a large body that are written at once over TLS: whole records, whose memory is used again for the next."""

SKIPPED_BODY = 1_000_000
"""Bytes of an unread body that are skipped to keep the connection (rule H-8)."""

BY_LENGTH, BY_CHUNKS, BY_END = range(3)
"""How the client finds the end of a body: by its length, which may be 0; by chunks; by the end of the connection."""


class H1Output:
    """The writing half of a connection; see `esg_core.contracts.Stream`."""

    __slots__ = (
        "_asked",
        "_body",
        "_context",
        "_framing",
        "_keep_alive",
        "_may_not_come",
        "_prefix",
        "_time",
        "_trailer_fields",
        "_unwritten",
        "_unwritten_size",
        "gate",
        "is_head",
        "transport",
    )

    transport: asyncio.Transport

    def __init__(self, context: "Context", prefix: HeadPrefix) -> None:
        self._context = context
        self._body: Body | None = None
        self._may_not_come = False
        self._prefix = prefix
        self._time = context.time
        self.gate = WriteGate(context.loop)
        self.is_head = False
        self._asked: RequestFields = NO_FIELDS
        self._keep_alive = True
        self._framing = BY_LENGTH
        self._trailer_fields = b""
        self._unwritten: list[bytes] = []
        self._unwritten_size = 0

    def _may_stay(self, end: bool) -> bool:
        """Whether the connection can serve another request after this response, as far as is known now.

        It cannot if too much of the request body is unread when the response ends.
        """
        if not self._keep_alive or self._context.closing:
            return False
        return not end or self._body is None or self._can_skip(self._body)

    def _can_skip(self, body: "Body") -> bool:
        """Whether the rest of an unread body is sure to come, and short enough to be skipped (rule H-8).

        A client that has not been told to continue may or may not send its body (RFC 9110 section 10.1.1).
        """
        return body.remaining is not None and body.remaining <= SKIPPED_BODY and not self._may_not_come

    # Called by the cycle.

    @property
    @abstractmethod
    def connection(self) -> Connection: ...

    @property
    @abstractmethod
    def is_trusted(self) -> bool: ...

    prepare = staticmethod(prepare_fields)

    def respond(self, status: int, prepared: Prepared, body: bytes, end: bool) -> None:
        block, length, says = prepared
        if says or length < 0 or not self._keep_alive or self._body is not None or self._context.closing:
            prefix, framing, body = self._frame(status, prepared, body, end)
        else:
            self._framing = BY_LENGTH
            prefix = self._prefix.made.get(status) or self._prefix.get(status)
            framing = b"connection: keep-alive\r\n\r\n" if self._asked.says_keep_alive else b"\r\n"
        if len(body) < LARGE_BODY:
            self.transport.write(b"".join((prefix, block, framing, body)))
        else:
            # Two writes: asyncio's own writelines() copies before 3.12, and does not pause in some versions since.
            self.transport.write(b"".join((prefix, block, framing)))
            self._write_large(body)

    def _frame(self, status: int, prepared: Prepared, body: bytes, end: bool) -> tuple[bytes, bytes, bytes]:
        """What is unusual about a response: its prefix, the fields after the application's, its framed body."""
        says = prepared[2]
        if says & SAYS_CLOSE:
            self._keep_alive = False
        self._framing = BY_LENGTH
        framing = b""
        if prepared[1] == NO_LENGTH and status != 204 and status != 304:
            if self._asked.old:
                self._framing = BY_LENGTH if self.is_head else BY_END
                self._keep_alive = False
            else:
                framing = b"transfer-encoding: chunked\r\n"
                self._framing = BY_LENGTH if self.is_head else BY_CHUNKS
        if not self._may_stay(end):
            self._keep_alive = False
            framing += b"connection: close\r\n"
        elif self._asked.says_keep_alive:
            framing += b"connection: keep-alive\r\n"
        own = self._prefix.without(status, says) if says & (SAYS_SERVER | SAYS_DATE) else None
        prefix = own or self._prefix.get(status)
        return prefix, framing + b"\r\n", encode_chunk(body, end) if self._framing == BY_CHUNKS else body

    def send(self, body: bytes, end: bool) -> None:
        """See `Stream.send`; what is sent in one turn of the loop is written at once, at the end of the turn."""
        if self.transport.is_closing():  # the loop has had no chance to say so
            self._lose_client()
            return
        if len(body) >= LARGE_BODY:
            self._send_large(body, end)
            return
        data = encode_chunk(body, end) if self._framing == BY_CHUNKS else body
        if not self._unwritten and not end:
            self._context.loop.call_soon(self._flush)
        self._unwritten.append(data)
        self._unwritten_size += len(data)
        if end or self._unwritten_size >= LARGE_BODY:
            self._flush()

    def _send_large(self, body: bytes, end: bool) -> None:
        self._flush()
        if self._framing == BY_CHUNKS:
            self.transport.write(b"%x\r\n" % len(body))
            self._write_large(body)
            self.transport.write(b"\r\n0\r\n\r\n" if end else b"\r\n")
        else:
            self._write_large(body)

    def _write_large(self, body: bytes) -> None:
        if len(body) <= TLS_PIECE or self.transport.get_extra_info("ssl_object") is None:
            self.transport.write(body)
            return
        pieces = memoryview(body)
        for start in range(0, len(body), TLS_PIECE):
            self.transport.write(pieces[start : start + TLS_PIECE])

    def _flush(self) -> None:
        """Write what was sent in this turn of the loop."""
        if self._unwritten:
            data = b"".join(self._unwritten)
            self._unwritten.clear()
            self._unwritten_size = 0
            self.transport.write(data)

    def send_trailers(self, headers: Headers, end: bool) -> None:
        """See `Stream.send_trailers`; only a chunked response to a client that accepts trailers has any."""
        self._trailer_fields += encode_fields(headers)[0]
        if not end:
            return
        fields = self._trailer_fields if self._asked.wants_trailers else b""
        self._trailer_fields = b""
        self._flush()
        if self._framing == BY_CHUNKS:
            self.transport.write(b"0\r\n" + fields + b"\r\n")

    async def send_file(self, file: BinaryIO, offset: int, size: int) -> None:
        self._flush()
        if self._framing == BY_CHUNKS:
            self.transport.write(b"%x\r\n" % size)
        await send_file(self._context.loop, self.transport, file, offset, size, self.gate)
        if self._framing == BY_CHUNKS:
            self.transport.write(b"\r\n")

    def inform(self, status: int, headers: Headers) -> None:
        """See `Stream.inform`; HTTP/1.0 has no interim responses (RFC 9110 section 15.2)."""
        if status == 100:
            self._may_not_come = False
        if not self._asked.old:
            self.transport.write(status_line(status) + encode_fields(headers)[0] + b"\r\n")

    def respond_switching(self, headers: Headers) -> None:
        """Write the head of a 101, the last message of this connection in HTTP."""
        prefix = self._prefix.get(101)
        self.transport.write(prefix + encode_fields(headers)[0] + b"connection: upgrade\r\n\r\n")

    @abstractmethod
    def _lose_client(self) -> None:
        """The client is gone: tell the cycle."""

    def _cut(self) -> None:
        """Close so that the client sees a cut response, even one that only the end of the connection delimits."""
        if self.transport.is_closing():
            return
        self._flush()
        if self._framing == BY_END:
            reset(self.transport)
        else:
            close(self.transport)
