"""The source of a server of one process, for its admin address (rules M-4 to M-6).

Called from the thread of the admin address, so it answers while the application blocks the event loop: it reads what
the loop's thread counts, under the GIL, and changes nothing itself.
"""

import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, cast

from esg_core import __version__
from esg_core.admin.contracts import IS_STOPPING, LOGS_NOT_REOPENED, Action, Answer, Question, Stats, WorkerStats
from esg_core.figures.memory import resident
from esg_core.figures.merging import Merged
from esg_core.figures.process import start_of
from esg_core.figures.readings import Reading
from esg_core.logs.rotation import reopen
from esg_core.monitoring.facts import Reloads, common_readings, server_readings, shown_options, versions
from esg_core.monitoring.inspection import inspect_process

if TYPE_CHECKING:
    from esg_core.context import Context

PLACE = 0
"""That of the only process."""


class ProcessSource:
    """See `esg_core.admin.contracts.Source`; `stop` ends the server gracefully, from any thread.

    `listeners` gives the sockets that clients connect to.
    """

    def __init__(
        self, context: "Context", stop: Callable[[], None], listeners: Callable[[], Iterable[socket.socket]]
    ) -> None:
        self._context = context
        self._stop = stop
        self._listeners = listeners
        self._merged = Merged()
        self._versions = versions()
        self._started_at = start_of(os.getpid()) or time.time()
        self._reloads = Reloads(self._started_at)

    def readings(self) -> Sequence[Reading]:
        self._look()
        return self._merged.readings(
            [
                *server_readings(
                    is_ready=self.is_ready(),
                    reloads=self._reloads,
                    started_at=self._started_at,
                    pids=[os.getpid()],
                ),
                *common_readings(self._context.config, self._listeners()),
            ]
        )

    def stats(self) -> Stats:
        self._look()
        memory = resident(os.getpid()) or 0
        age = time.time() - self._started_at
        return Stats(
            version=__version__,
            pid=os.getpid(),
            started_at=self._started_at,
            uptime=age,
            is_ready=self.is_ready(),
            is_draining=self._context.closing,
            options=shown_options(self._context.config),
            versions=self._versions,
            totals=self._merged.totals(memory),
            workers=[self._stats_of_process(age, memory)],
        )

    def is_ready(self) -> bool:
        return self._context.ready

    def ask(self, question: Question, answered: Callable[[Sequence[Answer]], None]) -> None:
        answered([Answer(PLACE, os.getpid(), inspect_process(question, self._context.loop, self._context))])

    def act(self, action: Action, done: Callable[[str], None]) -> None:
        done(self._do(action))

    def _do(self, action: Action) -> str:
        if action is Action.REOPEN:
            return "" if reopen() else LOGS_NOT_REOPENED
        if action is not Action.DRAIN:
            return "this server is one process; start it with workers for that"
        if self._context.closing:
            return IS_STOPPING
        self._stop()
        return ""

    def _look(self) -> None:
        if self._context.tally is not None:
            self._merged.present(PLACE, self._context.tally.values())

    def _stats_of_process(self, age: float, memory: int) -> WorkerStats:
        state = "draining" if self._context.closing else "ready" if self._context.ready else "starting"
        known = {"worker": PLACE, "pid": os.getpid(), "state": state, "age": age, "heartbeat_age": None}
        return cast("WorkerStats", {**self._merged.worker(PLACE), **known, "memory": memory})
