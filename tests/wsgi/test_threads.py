"""The threads of the bridge: as many jobs at once as there are threads, however often these were idle (rule I-4)."""

import threading
from contextvars import copy_context

import pytest

from esg_core.app.wsgi.threads import Threads

PATIENCE = 60.0


class Job:
    """Ends when as many run at once as the meeting has parties."""

    def __init__(self, meeting: threading.Barrier, ended: threading.Semaphore) -> None:
        self.context = copy_context()
        self.meeting = meeting
        self.ended = ended
        self.name = ""
        self.is_over = False


def meet(job: Job) -> None:
    job.meeting.wait(PATIENCE)
    job.name = threading.current_thread().name
    job.is_over = True
    job.ended.release()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_all_threads_run_at_once_whether_they_were_idle_or_busy(count: int) -> None:
    """Twice as many jobs as threads: those of the second half wait for the first, so no wake-up may be lost."""
    threads: Threads[Job] = Threads(count, meet)
    for _ in range(200):
        meeting, ended = threading.Barrier(count), threading.Semaphore(0)
        jobs = [Job(meeting, ended) for _ in range(2 * count)]
        for job in jobs:
            threads.start(job)
        for _job in jobs:
            assert ended.acquire(timeout=PATIENCE)
            threads.done()
        assert len({job.name for job in jobs}) == count


def test_a_job_that_is_left_keeps_its_thread() -> None:
    """I-1: those that follow get another one."""
    threads: Threads[Job] = Threads(2, meet)
    meeting, ended = threading.Barrier(2), threading.Semaphore(0)
    left = Job(meeting, ended)
    threads.start(left)
    threads.leave(left)
    threads.done()
    for _ in range(3):
        following = Job(threading.Barrier(1), threading.Semaphore(0))
        threads.start(following)
        assert following.ended.acquire(timeout=PATIENCE)
        threads.done()
    meeting.wait(PATIENCE)
    assert ended.acquire(timeout=PATIENCE)


def test_threads_end_with_the_object() -> None:
    threads: Threads[Job] = Threads(3, meet)
    others = set(threading.enumerate())
    meeting, ended = threading.Barrier(3), threading.Semaphore(0)
    for _ in range(3):
        threads.start(Job(meeting, ended))
    for _ in range(3):
        assert ended.acquire(timeout=PATIENCE)
    mine = set(threading.enumerate()) - others
    assert len(mine) == 3
    del threads
    for thread in mine:
        thread.join(PATIENCE)
        assert not thread.is_alive()
