"""A bounded queue of bytes in a temporary file: the part of a response that a client has not read yet (rule I-4).

The file is a ring, so it never grows beyond its size. One thread writes and another reads at the same time; both change
`held`, under a lock, and everything else is changed by only one of them.
"""

import os
import threading
from typing import BinaryIO


class Spool:
    """Holds at most `size` bytes. Raises `OSError` when the file cannot be made; it is removed with the object."""

    def __init__(self, size: int) -> None:
        from tempfile import TemporaryFile  # takes long to import

        self._file: BinaryIO = TemporaryFile(buffering=0)  # noqa: SIM115 - see close()
        self._size = size
        self._lock = threading.Lock()
        self._write_at = self._read_at = 0
        self.held = 0

    def write(self, data: memoryview) -> int:
        """Take as much as there is room for; returns how much; raises `OSError`."""
        written = 0
        while written < len(data) and self.has_room:
            room = min(self._size - self.held, self._size - self._write_at)
            count = os.pwrite(self._file.fileno(), data[written : written + room], self._write_at)
            self._write_at = (self._write_at + count) % self._size
            written += count
            self._change(count)
        return written

    def read(self, most: int) -> bytes:
        """Take the next bytes: at least one if there are any, at most `most`."""
        count = min(most, self.held, self._size - self._read_at)
        data = os.pread(self._file.fileno(), count, self._read_at)
        self._read_at = (self._read_at + len(data)) % self._size
        self._change(-len(data))
        return data

    @property
    def has_room(self) -> bool:
        """Whether anything more can be written."""
        return self.held < self._size

    def close(self) -> None:
        """Give the disk's space back; may be called twice."""
        self._file.close()

    def _change(self, count: int) -> None:
        with self._lock:
            self.held += count
