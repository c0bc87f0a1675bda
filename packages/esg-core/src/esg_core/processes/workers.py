"""The running workers: carries out what the policy decides, and tells the policy what happens to them.

Knows processes, their lines and the log. It decides nothing. All log messages about workers are here.
"""

import logging
import math
import os
import random
import selectors
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from esg_core.errors import StartupError
from esg_core.figures.labels import END_REASONS
from esg_core.figures.memory import MIB, resident
from esg_core.lifecycle.failures import show
from esg_core.lifecycle.orphans import reap_orphans
from esg_core.monitoring.questions import Questions
from esg_core.processes import messages
from esg_core.processes.policy import AGED, BLOCKED, FORCED, Act, Ended, State, Step, Worker, WorkerPolicy
from esg_core.processes.spawn import Running

if TYPE_CHECKING:
    from esg_core.figures.merging import Merged

DUMP_AFTER = 0.5
"""Seconds until a worker that was asked for its stacks, and is silent, is forced to show them.

A thread of the worker answers. It cannot if C code keeps the GIL; a signal handler still can, and no thread changes
under it, because nothing else runs in the interpreter then.
"""

STACKS_SETTLE = 0.1
"""Seconds after which the stacks that a worker has sent are taken to be complete."""

STOP_REQUEST_DELAY = 0.2
"""Seconds until a worker that was asked to end is replaced: its parent may have been asked as well."""

_BY_DUE = {AGED: "lifetime", BLOCKED: "blocked"}

JITTER = 0.1
"""A lifetime is up to this share longer, so that workers that start together do not end together."""


class EndRecords:
    """How many workers have ended, by reason (`counts`)."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(END_REASONS, 0)
        self._limits: dict[Worker, str] = {}

    def has_reached(self, worker: Worker, limit: str) -> None:
        """A worker has reached a limit that the policy does not know, `requests` or `memory`, and will be replaced."""
        if not worker.due:
            self._limits[worker] = limit

    def ended(self, worker: Worker, end: Ended) -> None:
        """A worker has ended."""
        limit = self._limits.pop(worker, "asked")
        self.counts[_reason(worker, end, limit)] += 1


class RunningWorkers:
    """All running workers; `start` starts one in a slot and may raise `OSError` or `StartupError`.

    `ended` is called with the process ID of each that has ended, before anything replaces it. `merged` keeps what they
    had counted; None keeps nothing. `questions` are those that workers have been asked. `starts` counts all workers.
    `lost` says how a worker ended that died in the middle of a stop; empty if none did.
    """

    def __init__(
        self,
        policy: WorkerPolicy,
        selector: selectors.BaseSelector,
        start: Callable[[int], Running],
        ended: Callable[[int], None],
    ) -> None:
        self._policy = policy
        self._selector = selector
        self._start = start
        self._ended = ended
        self.merged: Merged | None = None
        self.questions = Questions()
        self.starts = 0
        self.lost = ""
        self._ends = EndRecords()
        self._running: dict[Worker, Running] = {}
        self._dump_at: dict[Worker, float] = {}
        self._log_stacks_at: dict[Worker, float] = {}
        self._has_failed: set[Worker] = set()
        self._killed: set[Worker] = set()
        self._logger = logging.getLogger("esg.error")

    @property
    def ends(self) -> dict[str, int]:
        """How many workers have ended, by reason."""
        return self._ends.counts

    def figures(self) -> Iterator[tuple[Worker, list[float]]]:
        """What each running worker has counted, as far as it has published anything."""
        for worker, running in self._running.items():
            values = None if running.segment is None else running.segment.read()
            if values is not None:
                yield worker, values

    def seats(self) -> tuple[list[int], list[int]]:
        """The seats at the UDP ports of workers that have clients, and of those that take new ones; both by slot.

        For those of a worker that has died, another answers while its successor starts.
        """
        seated = [
            (worker, running.seat)
            for worker, running in sorted(self._running.items(), key=lambda one: one[0].slot)
            if running.seat is not None and worker.state is not State.STARTING
        ]
        return [seat for _, seat in seated], [seat for worker, seat in seated if worker.state is State.READY]

    def send_all(self, message: bytes) -> None:
        """Send all workers a message."""
        for running in self._running.values():
            running.send(message)

    def leave_to_parent(self) -> None:
        """In a forked worker: let go of the figures of the others."""
        for running in self._running.values():
            if running.segment is not None:
                running.segment.close()

    def do(self, step: Step, now: float) -> None:
        """Carry out one step of the policy's plan."""
        if step.worker is None:
            self._start_one(step.slot, now)
            return
        running = self._running[step.worker]
        match step.act:
            case Act.RETIRE:
                self._logger.info("Retiring worker [%d]: %s", step.worker.pid, step.worker.due)
                running.send(messages.RETIRE)
            case Act.CLOSE:
                running.send(messages.CLOSE)
            case Act.HURRY:
                running.send(messages.HURRY)
            case Act.DUMP:
                self._logger.error("Ending worker [%d]: its event loop is blocked", step.worker.pid)
                running.send(messages.SHOW_STACKS)
                self._dump_at[step.worker] = now + DUMP_AFTER
            case _:
                self._logger.error("Killing worker [%d], which has not ended", step.worker.pid)
                self._killed.add(step.worker)
                running.process.kill()

    def read(self, worker: Worker, now: float) -> bool:
        """Read what a worker has sent; returns whether there may be more. Does nothing if it has been reaped."""
        running = self._running.get(worker)
        if running is None:
            return False
        try:
            data = running.line.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        for message in running.reader.feed(data):
            self._handle(worker, message, now)
        for answer in running.reader.take_answers():
            self.questions.take(worker, answer)
        if running.reader.text and worker not in self._has_failed:
            self._dump_at.pop(worker, None)
            self._log_stacks_at[worker] = now + STACKS_SETTLE
        if not data:
            self._selector.unregister(running.line)
            running.wait_for_exit()
        return bool(data)

    def reap(self, now: float) -> None:
        """Find out which workers have ended."""
        for worker, running in list(self._running.items()):
            code = running.process.poll()
            if code is not None:
                self._end(worker, code, now)
        if os.getpid() == 1:
            reap_orphans({running.process.pid for running in self._running.values()})

    def log_stacks(self, now: float) -> float:
        """Log the stacks that workers have sent, once they are complete; returns when to call this again."""
        for worker in _take_due(self._dump_at, now):
            self._running[worker].dump()
        for worker in _take_due(self._log_stacks_at, now):
            self._logger.error("Worker [%d] is here:\n%s", worker.pid, self._running[worker].reader.take())
        return min([*self._dump_at.values(), *self._log_stacks_at.values(), math.inf])

    def reopen(self) -> None:
        """Have all workers reopen their log files."""
        self.send_all(messages.REOPEN)

    def check_memory(self, limit: float, now: float) -> None:
        """Have workers replaced that use more than `limit` MiB of memory."""
        for worker in self._running:
            size = (resident(worker.pid) or 0) // MIB if worker.state is State.READY else 0
            if size > limit:
                self._ends.has_reached(worker, "memory")
                self._policy.is_due(worker, f"it uses {size} MiB of memory", now)

    def _start_one(self, slot: int, now: float) -> None:
        try:
            running = self._start(slot)
        except (OSError, StartupError) as error:
            self._policy.not_started(now)
            say = self._logger.error if self._policy.code is None else show
            say(f"cannot start a worker: {error}")
            return
        self.starts += 1
        jitter = 1 + random.SystemRandom().uniform(0, JITTER)
        worker = self._policy.started(running.process.pid, slot, now, jitter)
        self._running[worker] = running
        self._selector.register(running.line, selectors.EVENT_READ, worker)

    def _handle(self, worker: Worker, message: bytes, now: float) -> None:
        match message:
            case messages.READY:
                self._policy.is_ready(worker, now)
            case messages.ALIVE:
                self._policy.beats(worker, now)
            case messages.LIMIT_REACHED:
                self._ends.has_reached(worker, "requests")
                self._policy.is_due(worker, "it has reached its request limit", now)
            case messages.STOP_REQUESTED:
                self._policy.is_due(worker, "it was asked to end", now + STOP_REQUEST_DELAY)
            case messages.FAILED:
                self._has_failed.add(worker)

    def _end(self, worker: Worker, code: int, now: float) -> None:
        running = self._running[worker]
        while running.line in self._selector.get_map() and self.read(worker, now):
            pass
        if running.line in self._selector.get_map():  # a child of the worker still has it open
            self._selector.unregister(running.line)
        running.line.close()
        del self._running[worker]
        running.free_places()
        self._ended(worker.pid)
        was_over = self._policy.code is not None
        text = running.reader.take()
        has_failed = worker in self._has_failed
        self._has_failed.discard(worker)
        was_killed = worker in self._killed
        self._killed.discard(worker)
        self._dump_at.pop(worker, None)
        if self._log_stacks_at.pop(worker, None) is not None:
            self._logger.error("Worker [%d] was here:\n%s", worker.pid, text)
        self._fold(worker, running)
        ended = self._policy.ended(worker, code, now)
        self._ends.ended(worker, ended)
        if not ended.is_clean and code != FORCED and not was_killed:
            self.lost = f"Worker [{worker.pid}] {_how(code)} while the server was stopping"
        if not was_over and not ended.is_wanted:
            self._report_end(worker, text if has_failed else "", code, ended)

    def _fold(self, worker: Worker, running: Running) -> None:
        """Keep what a worker has counted that is gone."""
        self.questions.gone(worker)
        if running.segment is None:
            return
        values = running.segment.read()
        if self.merged is not None:
            self.merged.ended(worker.slot, values, worker.pid)
        running.segment.close()

    def _report_end(self, worker: Worker, failure: str, code: int, ended: Ended) -> None:
        """Report an unexpected end of a worker; if it ends the whole program, as the error of the program."""
        how = f"Worker [{worker.pid}] {_how(code)}" + (" before it was ready" if ended.is_boot_failure else "")
        if ended.is_boot_failure and not failure and getattr(sys, "frozen", False):
            how += ": a frozen program must call multiprocessing.freeze_support() before it reads its arguments"
        if self._policy.code is not None and not self._policy.gave_up:
            line, _, details = failure.partition("\n")
            show(line or how, details)
            return
        if failure:
            self._logger.error("%s", failure)
        if self._policy.gave_up:
            show(f"{how}; giving up: {self._policy.gave_up}")
        elif ended.has_ended_renewal:
            self._logger.error("%s; not restarted, the old workers keep serving", how)
        else:
            when = f"in {ended.pause:g} s" if ended.pause else "now"
            self._logger.error("%s; starting another %s", how, when)


def _take_due(times: dict[Worker, float], now: float) -> list[Worker]:
    """Remove and return the workers whose time has come."""
    due = [worker for worker, at in times.items() if at <= now]
    for worker in due:
        del times[worker]
    return due


def _reason(worker: Worker, end: Ended, limit: str) -> str:
    if worker.is_blocked:
        return "blocked"
    return _BY_DUE.get(worker.due, limit) if end.is_wanted else "crashed"


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
