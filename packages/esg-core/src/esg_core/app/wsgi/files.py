"""Files as responses: what `wsgi.file_wrapper` makes, and which of them need no thread to be sent (rule I-4).

Knows files, neither requests nor the loop. The bytes of a plain file can be sent by the event loop, straight from the
kernel where that is possible, at whatever pace the client reads.
"""

import io
import os
import stat
from collections.abc import Callable, Iterator
from typing import Any, Protocol

BLOCK = 65536
"""Bytes that are read at a time from what is no plain file."""


class Readable(Protocol):
    """What an application gives to `wsgi.file_wrapper`."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""


class FileWrapper:
    """An iterable of the blocks of a file, as PEP 3333 has it; what it wraps is closed with it."""

    def __init__(self, file: Readable, block_size: int = BLOCK) -> None:
        self.file = file
        self.block_size = block_size
        close: Callable[[], object] | None = getattr(file, "close", None)
        if close is not None:
            self.close = close

    def __iter__(self) -> Iterator[bytes]:
        while block := self.file.read(self.block_size):
            yield block


class FilePart:
    """`size` bytes of a file from `offset` on, through a descriptor of its own."""

    __slots__ = ("_file", "offset", "size")

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._file = os.fdopen(os.dup(descriptor), "rb", buffering=0)
        self.offset = offset
        self.size = size

    def fileno(self) -> int:
        """The descriptor."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the descriptor; may be called twice."""
        self._file.close()


def file_part(wrapper: FileWrapper, most: int | None) -> FilePart | None:
    """What is left of the file behind a wrapper, `most` bytes of it if there is a limit; None if it is no plain file.

    Only Python's own files are believed to hold the bytes that their descriptor has: that of a compressed file has
    others.
    """
    file: Any = wrapper.file
    raw = file.raw if type(file) in (io.BufferedReader, io.BufferedRandom) else file
    if type(raw) is not io.FileIO:
        return None
    if file.writable():
        file.flush()
    status = os.fstat(raw.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    offset = file.tell()
    size = max(0, status.st_size - offset)
    return FilePart(raw.fileno(), offset, size if most is None else min(size, most))
