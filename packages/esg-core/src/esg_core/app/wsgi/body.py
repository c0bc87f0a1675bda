"""Collects the body of a request before a thread is used for it (rule I-2).

A client that sends slowly costs memory up to a bound, then a temporary file, but no thread. Knows ASGI's `receive`; how
large a body may be in all is decided where it is read (`limit_request_body`).
"""

import asyncio
from io import BytesIO
from typing import BinaryIO

from esg_core.asgi import Message, Receive

PIECE = 256 * 1024
"""Bytes written to the file at a time, by a thread of the loop's own pool."""


class Input:
    """The whole body of a request: `file` is at its beginning, `size` is in bytes."""

    __slots__ = ("file", "size")

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.size = size


async def collect(message: Message, receive: Receive, in_memory: int) -> Input | None:
    """The body that begins with `message`; None if its client left before its end.

    A body of more than `in_memory` bytes is in a temporary file. Raises `OSError` if that cannot be written.
    """
    collecting = _Collecting(in_memory)
    try:
        while message["type"] == "http.request":
            await collecting.add(message.get("body", b""))
            if not message.get("more_body"):
                return await collecting.finish()
            message = await receive()
    except BaseException:
        collecting.discard()
        raise
    collecting.discard()
    return None


class _Collecting:
    """A body that is still coming."""

    def __init__(self, in_memory: int) -> None:
        self._latest = BytesIO()
        self._most = in_memory
        self._file: BinaryIO | None = None
        self._written = 0

    async def add(self, data: bytes) -> None:
        latest = self._latest
        latest.write(data)
        if latest.tell() > self._most:
            await self._put_aside()
            self._most = PIECE

    async def finish(self) -> Input:
        if self._file is None:
            size = self._latest.tell()
            self._latest.seek(0)
            return Input(self._latest, size)
        await self._put_aside()
        self._file.seek(0)
        return Input(self._file, self._written)

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()

    async def _put_aside(self) -> None:
        """Write what is in memory to the file, in a thread: a disk may be slow."""
        latest, self._latest = self._latest, BytesIO()
        self._file = await asyncio.get_running_loop().run_in_executor(None, _append, self._file, latest)
        self._written += latest.tell()


def _append(file: BinaryIO | None, data: BytesIO) -> BinaryIO:
    if file is None:
        from tempfile import TemporaryFile

        file = TemporaryFile()  # noqa: SIM115 - closed when the request is over
    file.write(data.getbuffer())
    file.flush()
    return file
