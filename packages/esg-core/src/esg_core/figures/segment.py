"""Shared memory for the figures of one process: it writes them, and its parent reads them without asking (rule M-2).

A segment is a header, then room for the numbers twice. They are written where they are not read, and then the version
says so: a process that is killed while it writes leaves what it had published before, whole.
"""

import mmap
import os
import struct
from collections.abc import Sequence

from esg_core.figures.layout import FINGERPRINT, SLOTS
from esg_core.shared_memory import unnamed_file

FINGERPRINT_AT, VERSION_AT = 0, 8
"""Bytes: where the two words of the header are."""

_NUMBERS_AT = 64
"""The numbers begin on a cache line of their own."""

_NUMBERS = struct.Struct(f"{len(SLOTS)}d")

SIZE = _NUMBERS_AT + 2 * _NUMBERS.size

TRIES = 16
"""How often a reader starts again because two versions were written meanwhile."""


class Segment:
    """The figures of one process; made by `create()` in the parent, and by `attach()` in the process itself."""

    def __init__(self, fd: int, *, is_own: bool) -> None:
        self._fd = fd
        self._is_own = is_own
        if os.fstat(fd).st_size < SIZE:  # the parent may be of an older version
            os.ftruncate(fd, SIZE)
        self._memory = mmap.mmap(fd, SIZE)
        self._header = memoryview(self._memory)[:_NUMBERS_AT].cast("Q")

    @classmethod
    def create(cls) -> "Segment":
        """A new one, without a name; raises `OSError`."""
        return cls(unnamed_file("esg-figures"), is_own=True)

    @classmethod
    def attach(cls, fd: int) -> "Segment":
        """The one behind a descriptor, which stays open; raises `OSError`."""
        return cls(fd, is_own=False)

    def fileno(self) -> int:
        """The descriptor to hand to the process; not inherited unless it is passed."""
        return self._fd

    def write(self, values: Sequence[float]) -> None:
        """Publish all numbers at once."""
        version = self._word(VERSION_AT) + 1
        _NUMBERS.pack_into(self._memory, _place_of(version), *values)
        self._set_word(FINGERPRINT_AT, FINGERPRINT)
        self._set_word(VERSION_AT, version)

    def read(self) -> list[float] | None:
        """The numbers that were published last, also those of a process that is dead.

        None before the first are there, if they are of another layout, and if they change too fast to be read.
        """
        for _ in range(TRIES):
            version = self._word(VERSION_AT)
            if not version or self._word(FINGERPRINT_AT) != FINGERPRINT:
                return None
            numbers = _NUMBERS.unpack_from(self._memory, _place_of(version))
            if self._word(VERSION_AT) == version:
                return list(numbers)
        return None

    def close(self) -> None:
        """Let go of the memory, and of the descriptor if it was made here; may be called twice."""
        self._header.release()
        self._memory.close()
        if self._is_own:
            self._is_own = False
            os.close(self._fd)

    def _word(self, at: int) -> int:
        return self._header[at // 8]

    def _set_word(self, at: int, word: int) -> None:
        """Store a word at once: `pack_into()` fills with zeros first, and a writer can be killed in between."""
        self._header[at // 8] = word


def _place_of(version: int) -> int:
    """Where the numbers of a version are."""
    return _NUMBERS_AT + version % 2 * _NUMBERS.size
