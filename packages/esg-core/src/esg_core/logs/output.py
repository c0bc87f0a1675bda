"""Writes ESG's own log lines to standard output without ever blocking the event loop.

Knows lines of text, neither records nor requests. `batch` collects lines; `flush()` writes them, all together. What
the reader does not take is kept, up to `UNSENT_LIMIT`; what does not fit, or cannot be written (disk full, reader
gone), is dropped and counted, and one warning reports it as soon as writing works again.

Why not `O_NONBLOCK`: the flag belongs to the open file, which ESG shares with the application and its shell, so setting
it breaks their writes. Instead, a pipe, terminal or socket is polled before each write of at most `PIPE_BUF` bytes, the
size that POSIX lets a pipe take as a whole when it polls as writable. The pieces end at line ends, so lines of several
processes on one pipe are not mixed either. Regular files are written in one piece. What the application itself prints
can still block.
"""

import asyncio
import logging
import os
import select
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol, TextIO

from esg_core.logs.colours import is_terminal

UNSENT_LIMIT = 1 << 20
"""Bytes that are kept for a slow reader."""

RETRY = 0.1
"""Seconds until the next attempt to write what the reader did not take."""

LOCK_PATIENCE = 0.1
"""Seconds to wait for another thread that is writing, and may be stuck."""

WHOLE = 1 << 30
"""The piece size of a sink that takes everything at once."""


class _Sink(Protocol):
    piece: int
    encoding: str

    def ready(self, wait: float) -> bool: ...

    def put(self, data: bytes) -> int: ...


class _Descriptor:
    """The standard output of the process, on POSIX."""

    def __init__(self, stream: TextIO) -> None:
        self.encoding = stream.encoding
        self._stream = stream
        self._descriptor = stream.fileno()
        self._is_file = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLOUT)
        self.piece = WHOLE if self._is_file else select.PIPE_BUF

    def ready(self, wait: float) -> bool:
        """Whether a piece can be written without blocking, now or within `wait` seconds."""
        return self._is_file or bool(self._poll.poll(wait * 1000))

    def put(self, data: bytes) -> int:
        """Write at most one piece, after what the application has printed before."""
        if not self._stream.closed:
            self._stream.flush()
        return os.write(self._descriptor, data[: self.piece])


class _Stream:
    """Any other stream: a replacement of `sys.stdout`, or a Windows console."""

    piece = WHOLE

    def __init__(self, stream: TextIO) -> None:
        self.encoding = getattr(stream, "encoding", None) or "utf-8"
        self._stream = stream

    def ready(self, wait: float) -> bool:
        """Always: it cannot be known."""
        return True

    def put(self, data: bytes) -> int:
        """Write everything."""
        self._stream.write(data.decode(self.encoding))
        self._stream.flush()
        return len(data)


def _sink(stream: TextIO) -> _Sink:
    own = stream is sys.__stdout__ and hasattr(select, "poll")
    return _Descriptor(stream) if own else _Stream(stream)


class Output:
    """Writes lines to `stream`.

    `batch` holds lines without line ends: append to it, and call `push()` soon after. `is_terminal` says whether the
    stream is a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self.batch: list[str] = []
        self.is_terminal = is_terminal(stream)
        self._sink = _sink(stream)
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._unsent: deque[bytes] = deque()
        self._unsent_size = 0
        self._torn = False
        self._broken = False
        self._lost = 0
        self._reason = ""
        self._retrying: asyncio.AbstractEventLoop | None = None

    def write(self, text: str) -> None:
        """Write one or more lines, given without the last line end, after everything in the batch."""
        self.batch.append(text)
        self.push()

    def push(self) -> None:
        """Write what is pending, and retry later what the reader does not take now. Never raises."""
        if not self.flush():
            self._retry_later()

    def flush(self, wait: float = 0.0) -> bool:
        """Write what is pending, waiting at most `wait` seconds for a slow reader. Returns whether all was written.

        Never raises, and may be called from any thread.
        """
        if not self._lock.acquire(timeout=max(wait, LOCK_PATIENCE)):
            return False
        try:
            self._queue_batch()
            self._drain(time.monotonic() + wait)
            done = not self._unsent
        finally:
            self._lock.release()
        if self._lost and done and not self._broken:
            self._report_losses()
        return done

    def after_fork(self) -> None:
        """In a forked child, drop what is pending: the parent writes it."""
        self.batch.clear()
        self._reset()

    def _retry_later(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # another thread, or no running server: the next line takes this one along
            return
        if loop is not self._retrying:
            self._retrying = loop
            loop.call_later(RETRY, self._retry)

    def _retry(self) -> None:
        self._retrying = None
        self.push()

    def _queue_batch(self) -> None:
        count = len(self.batch)
        if not count:
            return
        lines = [f"{line}\n".encode(self._sink.encoding, "backslashreplace") for line in self.batch[:count]]
        del self.batch[:count]
        for piece in _pieces(lines, self._sink.piece):
            if self._unsent_size + len(piece) > UNSENT_LIMIT and self._unsent:
                self._lose(piece, "standard output is not being read")
            else:
                self._unsent.append(piece)
                self._unsent_size += len(piece)

    def _drain(self, deadline: float) -> None:
        while self._unsent and self._sink.ready(max(0.0, deadline - time.monotonic())):
            try:
                written = self._sink.put(self._unsent[0])
            except BlockingIOError:
                return
            except (OSError, ValueError) as error:
                self._lose_all(error)
            else:
                self._took(written)

    def _took(self, size: int) -> None:
        self._broken = False
        self._unsent_size -= size
        self._torn = size < len(self._unsent[0])
        if self._torn:
            self._unsent[0] = self._unsent[0][size:]
        else:
            self._unsent.popleft()

    def _lose(self, piece: bytes, reason: str) -> None:
        self._lost += piece.count(b"\n")
        self._reason = reason

    def _lose_all(self, error: Exception) -> None:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        for piece in self._unsent:
            self._lose(piece, reason)
        self._unsent.clear()
        self._unsent_size = 0
        self._broken = True
        if self._torn:  # half a line is written: what follows must not become the rest of it
            self.batch.insert(0, "")
            self._torn = False

    def _report_losses(self) -> None:
        lost, self._lost = self._lost, 0
        logging.getLogger("esg.error").warning("%d log lines were lost: %s", lost, self._reason)


def _pieces(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The lines, joined into pieces of at most `size` bytes; a longer line is a piece by itself."""
    piece: list[bytes] = []
    room = size
    for line in lines:
        if len(line) > room and piece:
            yield b"".join(piece)
            piece, room = [], size
        piece.append(line)
        room -= len(line)
    if piece:
        yield b"".join(piece)
