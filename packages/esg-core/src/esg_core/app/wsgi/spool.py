"""A bounded queue of bytes in a temporary file: what a client has not read yet of a response (rule I-4).

The file is written round and round, so that it never grows beyond its size. One thread writes and one reads, at the
same time; `held` is changed by both under a lock, and everything else by one of them.
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
        """Take as much as there is room for, and return how much that was; raises `OSError`."""
        written = 0
        while written < len(data) and self.has_room:
            room = min(self._size - self.held, self._size - self._write_at)
            count = os.pwrite(self._file.fileno(), data[written : written + room], self._write_at)
            self._write_at = (self._write_at + count) % self._size
            written += count
            self._change(count)
        return written

    def read(self, most: int) -> bytes:
        """The next bytes, at least one if there are any, and no more than `most`."""
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
