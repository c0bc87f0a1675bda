"""Threads that are started as they are needed, up to a limit, and wait for the next job.

Knows only the context of a job. The methods are for the event loop's thread; jobs must not raise.
"""

import threading
from collections.abc import Callable
from contextvars import Context
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar


class Job(Protocol):
    """What is to be done in a thread, in its own context."""

    context: Context


J = TypeVar("J", bound=Job)


class Threads(Generic[J]):
    """At most `limit` threads that `do` jobs; further jobs wait.

    They are daemon threads and end with this object: the interpreter does not wait for an application that hangs.
    """

    __slots__ = ("_do", "_jobs", "_limit", "_slots", "_unfinished")

    def __init__(self, limit: int, do: Callable[[J], None]) -> None:
        self._limit = limit
        self._do = do
        self._jobs: SimpleQueue[J | None] = SimpleQueue()
        self._slots: list[list[J | None]] = []
        self._unfinished = 0

    def __del__(self) -> None:
        for _ in self._slots:
            self._jobs.put(None)

    def start(self, job: J) -> None:
        """Do a job as soon as there is a thread for it; `done()` must be called after its end."""
        unfinished = self._unfinished = self._unfinished + 1
        if len(self._slots) < self._limit and unfinished > len(self._slots):
            self._add()
        self._jobs.put(job)

    def done(self) -> None:
        """A job has ended, or its end is no longer awaited."""
        self._unfinished -= 1

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


def _work(jobs: "SimpleQueue[J | None]", slot: list[J | None], do: Callable[[J], None]) -> None:
    while (job := jobs.get()) is not None:
        slot[0] = job
        job.context.run(do, job)
        slot[0] = job = None  # or the last job would live until the next one
