"""Threads that are started as they are needed, up to a limit, and wait for the next job.

Knows only the context of a job. The methods of `Threads` are for the event loop's thread; jobs must not raise.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Generic, Protocol, TypeVar


class Job(Protocol):
    """What is to be done in a thread, in its own context; then `is_over`."""

    context: Context
    is_over: bool


J = TypeVar("J", bound=Job)
Q = TypeVar("Q")


class Threads(Generic[J]):
    """At most `limit` threads that `do` jobs; further jobs wait.

    They are daemon threads and end with this object: the interpreter does not wait for an application that hangs.
    """

    __slots__ = ("_do", "_jobs", "_left", "_limit", "_slots", "_unfinished")

    def __init__(self, limit: int, do: Callable[[J], None]) -> None:
        self._limit = limit
        self._do = do
        self._jobs: _Queue[J | None] = _Queue()
        self._slots: list[list[J | None]] = []
        self._unfinished = 0
        self._left: list[J] = []

    def __del__(self) -> None:
        for _ in self._slots:
            self._jobs.put(None)

    def start(self, job: J) -> None:
        """Do a job as soon as there is a thread for it; `done()` must be called after its end."""
        unfinished = self._unfinished = self._unfinished + 1
        if self._left:
            self._left = [left for left in self._left if not left.is_over]
            unfinished += len(self._left)
        if unfinished > len(self._slots) < self._limit:
            self._add()
        self._jobs.put(job)

    def done(self) -> None:
        """A job has ended, or its end is no longer awaited."""
        self._unfinished -= 1

    def leave(self, job: J) -> None:
        """The end of a job is no longer awaited, but it keeps its thread until then."""
        self._left.append(job)

    @property
    def is_busy(self) -> bool:
        """Whether any job has not ended."""
        return self._unfinished > 0

    def running(self) -> list[J]:
        """The jobs that threads are doing now."""
        return [job for [job] in self._slots if job is not None]

    def _add(self) -> None:
        slot: list[J | None] = [None]
        name = f"esg-wsgi-{len(self._slots)}"
        thread = threading.Thread(target=_work, args=(self._jobs, slot, self._do), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system allows no more: go on with those that run
            if not self._slots:
                self._unfinished -= 1
                raise
            self._limit = len(self._slots)
        else:
            self._slots.append(slot)


class _Queue(Generic[Q]):
    """Jobs that wait for threads, and threads that wait for jobs; used from all threads.

    A thread that ends a job takes the next one itself. Another thread is woken only while jobs wait, and one at a time:
    threads that are awake without the interpreter only take time from the one that has it. The woken thread wakes the
    next one. No wake-up is lost: a job is added before idle threads are looked for, a thread is added to those before
    it looks for jobs, and a woken thread looks for jobs after it has cleared `_is_waking`.
    """

    __slots__ = ("_idle", "_is_waking", "_jobs")

    def __init__(self) -> None:
        self._jobs: deque[Q] = deque()
        self._idle: list[threading.Lock] = []
        self._is_waking = False

    def put(self, job: Q) -> None:
        """Add a job."""
        self._jobs.append(job)
        self._wake()

    def get(self, bell: threading.Lock) -> Q:
        """Take a job as soon as there is one; `bell` is the calling thread's own lock, which is held."""
        while True:
            try:
                job = self._jobs.popleft()
            except IndexError:
                self._idle.append(bell)
                if self._jobs:
                    self._wake()
                bell.acquire()
                self._is_waking = False
            else:
                if self._jobs:
                    self._wake()
                return job

    def _wake(self) -> None:
        if self._is_waking:
            return
        try:
            bell = self._idle.pop()
        except IndexError:  # all are busy
            return
        self._is_waking = True
        bell.release()


def _work(jobs: "_Queue[J | None]", slot: list[J | None], do: Callable[[J], None]) -> None:
    bell = threading.Lock()
    bell.acquire()
    while (job := jobs.get(bell)) is not None:
        slot[0] = job
        job.context.run(do, job)
        slot[0] = job = None  # or the last job would live until the next one
