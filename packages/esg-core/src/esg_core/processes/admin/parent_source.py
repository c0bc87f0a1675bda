"""The source of all workers of a parent as one server, for its admin address (rules M-2, M-4 to M-6).

Figures come from memory that workers share with this process, so nothing here waits for a worker. Questions go to the
workers themselves, which have half a second.
"""

import math
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from esg_core import __version__
from esg_core.admin.contracts import IS_STOPPING, LOGS_NOT_REOPENED, Action, Answer, Question, Stats, WorkerStats
from esg_core.figures import families
from esg_core.figures.labels import WORKER_STATES
from esg_core.figures.memory import resident
from esg_core.figures.merging import Merged
from esg_core.figures.process import start_of
from esg_core.figures.readings import Family, Reading, Series, single
from esg_core.monitoring.facts import Reloads, common_readings, server_readings, shown_options, versions
from esg_core.processes.admin.parent_controls import Parent
from esg_core.processes.messages import ASK_REQUESTS, ASK_STACKS
from esg_core.processes.policy import State, Worker

if TYPE_CHECKING:
    from esg_core.options.config import Config

MESSAGES = {Question.STACKS: ASK_STACKS, Question.REQUESTS: ASK_REQUESTS}

STATES = {State.STARTING: "starting", State.READY: "ready", State.LEAVING: "draining"}


class ParentSource:
    """See `esg_core.admin.contracts.Source`; `config` is the last good configuration.

    `listeners` are the sockets that clients connect to.
    """

    def __init__(self, parent: Parent, config: "Config", listeners: Sequence[socket.socket]) -> None:
        self._policy, self._workers, self._controls, _ = parent
        self._merged = self._workers.merged = Merged()
        self._versions = versions()
        self.reloads = Reloads(time.time())
        self._started_at = start_of(os.getpid()) or self.reloads.succeeded_at
        self.config = config
        self._listeners = listeners

    def readings(self) -> Sequence[Reading]:
        """The figures of all workers, former ones included, and those that the parent has itself."""
        self._look()
        return self._merged.readings(self._own_readings(time.monotonic()))

    def stats(self) -> Stats:
        """The document of `/stats`; the figures of a worker that is being replaced are those of its place."""
        self._look()
        now = time.monotonic()
        workers = [self._stats_of(worker, now) for worker in sorted(self._policy.workers, key=_by_place)]
        memory = sum(one["memory"] for one in workers) + (resident(os.getpid()) or 0)
        return Stats(
            version=__version__,
            pid=os.getpid(),
            started_at=self._started_at,
            uptime=time.time() - self._started_at,
            is_ready=self.is_ready(),
            is_draining=self._policy.code is not None,
            options=shown_options(self.config),
            versions=self._versions,
            totals=self._merged.totals(memory),
            workers=workers,
        )

    def is_ready(self) -> bool:
        """Whether a worker is ready, and the server does not stop."""
        return self._policy.code is None and any(worker.state is State.READY for worker in self._policy.workers)

    def ask(self, question: Question, answered: Callable[[Sequence[Answer]], None]) -> None:
        """Ask all workers that run."""
        self._workers.send_all(MESSAGES[question])
        self._workers.questions.ask(question, self._policy.workers, answered, time.monotonic())

    def act(self, action: Action, done: Callable[[str], None]) -> None:
        """Do what a signal would; a restart first tries the new configuration, which may take some seconds."""
        if action is Action.RESTART and self._policy.code is None:
            self._controls.renew(done)
        else:
            done(self._do(action))

    def _do(self, action: Action) -> str:
        """Returns why not; empty if it is done."""
        if action is Action.REOPEN:
            return "" if self._controls.reopen() else LOGS_NOT_REOPENED
        if self._policy.code is not None:
            return IS_STOPPING
        match action:
            case Action.ADD:
                self._controls.resize(self._policy.target + 1)
            case Action.REMOVE if self._policy.target == 1:
                return "there is only one worker"
            case Action.REMOVE:
                self._controls.resize(self._policy.target - 1)
            case _:
                self._controls.stop(time.monotonic())
        return ""

    def _look(self) -> None:
        """Read what the present workers have counted up to now."""
        for worker, values in self._workers.figures():
            self._merged.present(worker.slot, values, worker.pid)

    def _stats_of(self, worker: Worker, now: float) -> WorkerStats:
        known = {
            "worker": worker.slot,
            "pid": worker.pid,
            "state": STATES[worker.state],
            "age": now - worker.began,
            "heartbeat_age": None if worker.seen == -math.inf else now - worker.seen,
            "memory": resident(worker.pid) or 0,
        }
        return cast("WorkerStats", {**self._merged.worker(worker.slot), **known})

    def _own_readings(self, now: float) -> list[Reading]:
        workers = self._policy.workers
        states = dict.fromkeys(WORKER_STATES, 0)
        for worker in workers:
            states[STATES[worker.state]] += 1
        memory = {str(worker.slot): float(resident(worker.pid) or 0) for worker in workers}
        heartbeats = {str(worker.slot): now - worker.seen for worker in workers if worker.state is State.READY}
        return [
            _labelled(families.WORKERS, states),
            single(families.WORKER_STARTS, self._workers.starts),
            _labelled(families.WORKER_ENDS, self._workers.ends),
            _labelled(families.WORKER_MEMORY, memory),
            _labelled(families.HEARTBEAT_AGE, heartbeats),
            *server_readings(
                is_ready=self.is_ready(),
                reloads=self.reloads,
                started_at=self._started_at,
                pids=[os.getpid(), *(worker.pid for worker in workers)],
            ),
            *common_readings(self.config, self._listeners),
        ]


def _labelled(family: Family, values: "dict[str, int] | dict[str, float]") -> Reading:
    return Reading(family, [Series((label,), float(value)) for label, value in values.items()])


def _by_place(worker: Worker) -> tuple[int, float]:
    return worker.slot, worker.began
