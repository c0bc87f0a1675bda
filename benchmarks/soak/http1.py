"""A small, strict HTTP/1.1 client: wrong framing is an error."""

import asyncio
import math
import socket
import ssl
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

PATIENCE = 120.0
"""Seconds to wait for events that must happen, on a machine that is as busy as it may be."""


class Unanswered(Exception):
    """The connection ended before the first byte of an answer."""


@dataclass(frozen=True)
class Target:
    """Where a server is; `tls` has a client's side of TLS for each protocol of ALPN, or nothing for cleartext.

    `authority` is the certificate of its authority, in PEM, if it speaks HTTP/3.
    """

    name: str
    port: int
    tls: Mapping[str, ssl.SSLContext] = field(default_factory=dict)
    authority: bytes = b""

    async def open(self, alpn: str = "http/1.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection; over TLS, it offers a protocol by ALPN."""
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls.get(alpn))


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and wait until it is closed: over TLS, the server has a part in that."""
    writer.close()
    try:
        async with asyncio.timeout(PATIENCE):
            await writer.wait_closed()
    except OSError:
        writer.transport.abort()


@dataclass
class Answer:
    """One response."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes


class Connection:
    """One connection; `is_over` once the server has announced its end, or has ended it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.is_over = False
        self.served = 0
        self._began_at = time.monotonic()
        self._sent_at = math.inf

    @classmethod
    async def to(cls, target: Target) -> "Connection":
        """A new connection."""
        began_at = time.monotonic()
        connection = cls(*await target.open())
        connection._began_at = began_at
        return connection

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read its answer; raises `Unanswered`, or another exception for a wrong answer."""
        async with asyncio.timeout(PATIENCE):
            sending = asyncio.ensure_future(self._send(request))
            try:
                return await self._read()
            finally:
                sending.cancel()
                await asyncio.wait({sending})

    async def _send(self, data: bytes) -> None:
        self._sent_at = time.monotonic()
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError:
            self.is_over = True

    async def _read(self) -> Answer:
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, OSError) as error:
            self.is_over = True
            if getattr(error, "partial", b""):
                raise
            raise Unanswered(f"{type(error).__name__}, {self._times()}") from None
        first, *lines = head[:-4].split(b"\r\n")
        fields = dict(line.split(b": ", 1) for line in lines)
        if fields.get(b"connection") == b"close":
            self.is_over = True
        body = await self._body(fields)
        self.served += 1
        return Answer(int(first.split(b" ")[1]), fields, body)

    def _times(self) -> str:
        sent, now = self._sent_at - self._began_at, time.monotonic() - self._began_at
        return f"sent {sent:.3f} s and ended {now:.3f} s after the connection was begun"

    async def _body(self, fields: dict[bytes, bytes]) -> bytes:
        if b"content-length" in fields:
            return await self.reader.readexactly(int(fields[b"content-length"]))
        if fields.get(b"transfer-encoding") != b"chunked":
            self.is_over = True
            return await self.reader.read()
        parts = []
        while size := int(await self.reader.readline(), 16):
            parts.append((await self.reader.readexactly(size + 2))[:-2])
        await self.reader.readline()
        return b"".join(parts)

    async def close(self) -> None:
        """Close it, and wait until it is closed."""
        await close(self.writer)

    def reset(self) -> None:
        """Break it: TCP sends RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
