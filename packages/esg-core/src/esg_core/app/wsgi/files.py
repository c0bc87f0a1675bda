"""Files as responses: what `wsgi.file_wrapper` makes, and which files need no thread to be sent (rule I-4).

Knows files, but neither requests nor the loop. The event loop can send the bytes of a plain file, straight from the
kernel where possible, at whatever pace the client reads.
"""

import io
import os
import stat
from collections.abc import Callable, Iterator
from typing import Any, Protocol

BLOCK = 65536
"""Bytes read at a time from anything but a plain file."""


class Readable(Protocol):
    """What an application gives to `wsgi.file_wrapper`."""

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes, none at the end."""


class FileWrapper:
    """An iterable of the blocks of a file, as PEP 3333 has it; closing it closes the file."""

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
    """`size` bytes of a file from `offset` on, through a duplicate of its descriptor."""

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
    """What is left of the file behind a wrapper, at most `most` bytes of it; None if it is not a plain file.

    Only Python's own files are trusted to hold what their descriptor does: that of a compressed file has other bytes.
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
