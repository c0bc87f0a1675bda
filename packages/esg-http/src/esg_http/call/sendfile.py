"""Sends part of a file as part of a response (rule H-14).

Knows a transport, a file and flow control; no HTTP. Over cleartext the kernel copies: `os.sendfile` straight into the
transport's socket, which is safe while the transport's own buffer is empty. Over TLS, and where there is no such call,
threads read the file in pieces and the transport writes them.

`loop.sendfile` is no help: uvloop has none, and it would bypass the connection's flow control and deadlines. Instead,
when the socket is full, one small piece goes through the transport. Its buffer then holds something, so it pauses the
protocol, notices a client that leaves or does not read, and resumes as soon as the socket takes more: the rules for
other responses (H-7, H-16, H-17) hold for files too.
"""

import asyncio
import errno
import os
import sys
from dataclasses import dataclass
from typing import BinaryIO

from esg_core.errors import ApplicationError, ClientDisconnected
from esg_core.waiting import WriteGate

KERNEL_PIECE = 512 * 1024
"""Bytes that the kernel copies at a time, before other connections get their turn."""

THREAD_PIECE = 256 * 1024
"""Bytes that a thread reads at a time."""

WAKING_PIECE = 16 * 1024
"""Bytes that go through the transport when the socket is full, so that its flow control says when it no longer is."""

_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSOCK, errno.EOPNOTSUPP, errno.ENOTSUP}
_GONE = {errno.ENOTCONN, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EBADF}


@dataclass(slots=True)
class FilePart:
    """The rest of a file to send: `size` bytes from `offset` on, whatever the position of the file."""

    file: int
    offset: int
    size: int

    def advance(self, sent: int) -> None:
        """Skip `sent` bytes; raises `ApplicationError` for 0, which means that the file has become shorter."""
        if sent == 0:
            raise ApplicationError(f"the file is {self.size} bytes too short: do not shorten a file while it is served")
        self.offset += sent
        self.size -= sent

    async def read(self, loop: asyncio.AbstractEventLoop) -> bytes:
        """The next piece, read in a thread. Raises `ApplicationError`."""
        data = await loop.run_in_executor(None, _read, self.file, min(self.size, THREAD_PIECE), self.offset)
        self.advance(len(data))
        return data


async def send_file(
    loop: asyncio.AbstractEventLoop,
    transport: asyncio.Transport,
    file: BinaryIO,
    offset: int,
    size: int,
    gate: WriteGate,
) -> None:
    """Write `size` bytes of a file, from `offset` on, without changing its position.

    `gate` follows the transport's flow control. Nothing else may be written meanwhile; the limits of the transport's
    buffer are restored afterwards. Raises `ClientDisconnected`, and `ApplicationError` if the file is shorter or cannot
    be read: the response is then incomplete and must be aborted.
    """
    _check(transport)
    rest = FilePart(file.fileno(), offset, size)
    connection = _socket(transport)
    if connection >= 0:
        low, high = transport.get_write_buffer_limits()
        transport.set_write_buffer_limits(high=0)
        try:
            await _send_by_kernel(transport, connection, rest, gate)
        finally:
            if not transport.is_closing():
                transport.set_write_buffer_limits(high, low)
    await _send_by_threads(loop, transport, rest, gate)


def _socket(transport: asyncio.Transport) -> int:
    """The descriptor that the kernel can copy to, or -1."""
    if not hasattr(os, "sendfile") or transport.get_extra_info("sslcontext") is not None:
        return -1
    connection = transport.get_extra_info("socket")
    return -1 if connection is None else int(connection.fileno())


async def _send_by_kernel(transport: asyncio.Transport, connection: int, rest: FilePart, gate: WriteGate) -> None:
    """Send the rest, or return early if the kernel turns out not to support it."""
    await _pass(transport, gate)
    while rest.size:
        _check(transport)  # once it is closed, its descriptor may belong to another connection
        try:
            sent = os.sendfile(connection, rest.file, rest.offset, min(rest.size, KERNEL_PIECE))
        except BlockingIOError:
            sent = _write(transport, _read(rest.file, min(rest.size, WAKING_PIECE), rest.offset))
        except OSError as exc:
            if exc.errno in _UNSUPPORTED:
                return
            raise _blame(exc) from exc
        rest.advance(sent)
        await (gate.wait() if gate.closed else asyncio.sleep(0))


async def _send_by_threads(
    loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, rest: FilePart, gate: WriteGate
) -> None:
    while rest.size:
        _write(transport, await rest.read(loop))
        await _pass(transport, gate)


async def _pass(transport: asyncio.Transport, gate: WriteGate) -> None:
    await gate.wait()
    _check(transport)


def _check(transport: asyncio.Transport) -> None:
    if transport.is_closing():
        raise ClientDisconnected("the client has closed the connection")


def _read(file: int, size: int, offset: int) -> bytes:
    try:
        if sys.platform == "win32":
            os.lseek(file, offset, os.SEEK_SET)
            return os.read(file, size)
        return os.pread(file, size, offset)
    except OSError as exc:
        raise _blame(exc) from exc


def _write(transport: asyncio.Transport, data: bytes) -> int:
    _check(transport)
    transport.write(data)
    return len(data)


def _blame(exc: OSError) -> ApplicationError | ClientDisconnected:
    if isinstance(exc, (ConnectionError, TimeoutError)) or exc.errno in _GONE:
        return ClientDisconnected("the client has closed the connection")
    return ApplicationError(f"the file cannot be read: {exc.strerror}")
