"""Shared memory in which the workers of one parent say how many connections they hold, and that they come for more.

Each row belongs to one process. It is written by that process alone, until the parent clears it, when the process has
ended. All numbers are aligned words of 32 bits, so no lock is needed. What the numbers mean for a worker is the subject
of `esg_core.sockets.shares`.
"""

import contextlib
import mmap
import os
import socket
import sys
from collections.abc import Callable
from time import monotonic

from esg_core.shared_memory import unnamed_file
from esg_core.sockets.accepted import AcceptedSocket, accepting
from esg_core.sockets.shares import BriefConnections

ROWS = 256
"""Processes that have a row; any others accept without asking."""

_HEADER = 16
_HELD, _LOOKS = _HEADER, _HEADER + ROWS
_WORDS = _HEADER + 2 * ROWS
"""Words: the header, of which only the first is used, what each row holds, and its looks."""

_MODULUS = 2**32


class Board:
    """The rows of all workers; made by `create()` in the parent, and by `attach()` in a worker."""

    def __init__(self, fd: int, *, is_own: bool) -> None:
        self._fd = fd
        self._is_own = is_own
        self._memory = mmap.mmap(fd, _WORDS * 4)
        self._words = memoryview(self._memory).cast("I")

    @classmethod
    def create(cls) -> "Board":
        """A new one, with all rows free; raises `OSError`."""
        fd = unnamed_file("esg-shares")
        os.ftruncate(fd, _WORDS * 4)
        return cls(fd, is_own=True)

    @classmethod
    def attach(cls, fd: int) -> "Board":
        """The one behind a descriptor, which stays open; raises `OSError`."""
        return cls(fd, is_own=False)

    def fileno(self) -> int:
        """The descriptor to hand to a worker; not inherited unless it is passed."""
        return self._fd

    def close(self) -> None:
        """Let go of the memory, and of the descriptor if it was made here; may be called twice."""
        self._words.release()
        self._memory.close()
        if self._is_own:
            self._is_own = False
            os.close(self._fd)

    def held(self) -> list[int]:
        """The connections of each row, plus 1; 0 for a row that does not accept."""
        return self._words[_HELD : _HELD + self._words[0]].tolist()

    def looks(self) -> list[int]:
        """How often each row has come to the queue, modulo 2**32."""
        return self._words[_LOOKS : _LOOKS + self._words[0]].tolist()

    def hold(self, row: int, value: int) -> None:
        """Publish what a row holds; see `held()`."""
        self._words[_HELD + row] = value

    def look(self, row: int) -> None:
        """Publish that a row has come to the queue."""
        self._words[_LOOKS + row] = (self._words[_LOOKS + row] + 1) % _MODULUS

    def reach(self, rows: int) -> None:
        """Say how many rows need to be read."""
        self._words[0] = rows


class Rows:
    """Which rows of a board belong to running workers: for the parent, the only one that assigns them."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._taken: set[int] = set()

    @classmethod
    def create(cls) -> "Rows | None":
        """The rows of a new board; None where processes cannot share memory, and so accept as many as they can."""
        if sys.platform == "win32":
            return None
        with contextlib.suppress(OSError):
            return cls(Board.create())
        return None

    def take(self) -> int | None:
        """A free row for a process that is about to start; None if there is none left."""
        row = next((row for row in range(ROWS) if row not in self._taken), None)
        if row is not None:
            self._taken.add(row)
            self._reach()
        return row

    def free(self, row: int) -> None:
        """Clear the row of a process that has ended."""
        self.board.hold(row, 0)
        self._taken.discard(row)
        self._reach()

    def _reach(self) -> None:
        self.board.reach(max(self._taken, default=-1) + 1)


class Holding:
    """The row of this process: keeps count of the connections that it holds while it accepts, and of brief ones."""

    def __init__(self, board: Board, row: int) -> None:
        self.board = board
        self.row = row
        self.brief = BriefConnections()
        self._count = 0
        self._accepts = False

    def open(self) -> None:
        """Count this process in: it accepts connections."""
        self._accepts = True
        self._publish()

    def close(self) -> None:
        """Count it out: it does not accept any, for now or for good."""
        self._accepts = False
        self._publish()

    def look(self) -> None:
        """Publish that it has come to the queue."""
        self.board.look(self.row)

    def acceptance(self, listening: socket.socket) -> Callable[[], socket.socket]:
        """A function that accepts a connection, which counts until it is closed; raises as `socket.accept()` does."""
        accept = accepting(listening, HeldSocket)

        def take() -> HeldSocket:
            held = accept()
            held.holding = self
            held.began = monotonic()
            self._count += 1
            self._publish()
            return held

        return take

    def release(self, began: float) -> None:
        """Count a connection off that began then, and has been closed."""
        self.brief.ended(began, monotonic())
        self._count -= 1
        self._publish()

    def _publish(self) -> None:
        self.board.hold(self.row, self._count + 1 if self._accepts else 0)


class HeldSocket(AcceptedSocket):
    """An accepted connection that its holding counts, until the event loop closes or detaches it."""

    __slots__ = ("began", "holding")
    began: float
    holding: Holding | None

    def close(self) -> None:
        """Close the connection; may be called twice."""
        self._let_go()
        super().close()

    def detach(self) -> int:
        """Let the caller close the descriptor, as uvloop does."""
        self._let_go()
        return super().detach()

    def _let_go(self) -> None:
        holding: Holding | None = getattr(self, "holding", None)  # a duplicate, which an application made, has none
        if holding is not None:
            self.holding = None
            holding.release(self.began)
