"""Sends a part of a file as a part of a response (rule H-14).

Knows a transport, a file and flow control; no HTTP. Over cleartext the kernel copies: `os.sendfile` straight into the
transport's socket, which is safe while the transport's own buffer is empty. Over TLS, and where there is no such call,
threads read pieces of the file and the transport writes them.

`loop.sendfile` is of no use: uvloop has none, and it would take the connection's flow control and deadlines away.
Instead, when the socket is full, one small piece goes through the transport. Its buffer then holds something, so it
pauses the protocol, notices a client that leaves or does not read, and resumes as soon as the socket takes more:
everything that holds for other responses (rules H-7, H-16, H-17) holds for files.
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
"""Bytes that the kernel copies at a time; then all other connections have their turn."""

THREAD_PIECE = 256 * 1024
"""Bytes that a thread reads at a time."""

WAKING_PIECE = 16 * 1024
"""Bytes that go through the transport when the socket is full, for its flow control to tell when it is not."""

_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSOCK, errno.EOPNOTSUPP, errno.ENOTSUP}
_GONE = {errno.ENOTCONN, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EBADF}


@dataclass(slots=True)
class FilePart:
    """What is left to be sent of a file: `size` bytes from `offset` on; the position of the file does not count."""

    file: int
    offset: int
    size: int

    def advance(self, sent: int) -> None:
        """So many bytes have been taken; raises `ApplicationError` if there are none where there should be."""
        if sent == 0:
            raise ApplicationError(f"the file is {self.size} bytes too short: do not shorten a file while it is served")
        self.offset += sent
        self.size -= sent

    async def read(self, loop: asyncio.AbstractEventLoop) -> bytes:
        """The next piece, which a thread reads; there must be one. Raises `ApplicationError`."""
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
    """Write `size` bytes of a file, from `offset` on; neither changes the position of the file.

    `gate` is moved by the transport's flow control. Nothing else may be written meanwhile; the limits of the
    transport's buffer are the same afterwards. Raises `ClientDisconnected`, and `ApplicationError` if the file is
    shorter or cannot be read: the response is then incomplete, and has to be aborted.
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
    """Send all of the rest, or nothing more of it once the kernel turns out not to be able to."""
    await _pass(transport, gate)
    while rest.size:
        _check(transport)  # once it is closed, its descriptor may be that of another connection
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
