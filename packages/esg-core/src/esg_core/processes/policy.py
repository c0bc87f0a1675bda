"""Decides which workers are started, asked to end, and killed (rules W-1 to W-4).

A table of workers and the rules over it: given what has happened and the time, it says what to do now (`plan()`) and
when to ask again (`wakes_at()`). It starts and ends nothing, and reads no clock.

It keeps `target` workers serving. A missing one is started at once, or after a pause if workers keep dying. One that is
due for replacement goes on serving until its successor is ready; the next replacement begins when the old worker has
gone, so there is never more than one process beyond the target.
"""

import math
from dataclasses import dataclass
from enum import Enum
from signal import SIGTERM

QUICK_END = 5.0
"""A worker that ends after fewer seconds of serving counts towards the pause before the next start."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds before a worker is started again: none the first time, then the first pause, doubled up to the longest."""

ENDS_PER_WORKER = 5
ENDS_WINDOW = 60.0
"""The server gives up after this many unexpected ends per worker within this many seconds."""

BEATS = 5
"""Heartbeats that a worker sends in the time after which it counts as blocked."""

BOOT_PATIENCE = 5.0
"""Seconds to end for a worker that is asked to before it is ready."""

BLOCKED_PATIENCE = 2.0
"""Seconds to end for a blocked worker."""

LATE = 2.0
"""Waking up this many seconds late shows that this process itself did not run: stopped by a terminal, or starved."""

RENEWED = "the server is restarting"
AGED = "it has reached its maximum lifetime"
BLOCKED = "its event loop is blocked"
GIVEN_UP = "its configuration was rejected"
"""Reasons to replace a worker."""

FORCED = 1
FAILED_TO_START = 3
"""Exit codes (rule C-2)."""


class State(Enum):
    """What a worker is doing."""

    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"


class Act(Enum):
    """What to do with a worker."""

    START = "start"
    RETIRE = "retire"
    """Ask it to drain and end, while a successor in its slot serves."""

    CLOSE = "close"
    """Ask it to drain and end; no worker takes its slot."""

    HURRY = "hurry"
    """Tell it that all others end too, so that it need not wait for its new clients."""

    DUMP = "dump"
    """Have it show what its threads are doing."""

    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long workers may take, in seconds: `math.inf` for no limit."""

    drain: float = math.inf
    """For the drain, from the request on."""

    beat: float = math.inf
    """For a heartbeat."""

    lifetime: float = math.inf


@dataclass(slots=True, eq=False)
class Worker:
    """What the policy knows about one worker; times are those of a monotonic clock.

    `patience` comes from the options that the worker was started with.
    """

    pid: int
    slot: int
    generation: int
    began: float
    patience: Patience
    state: State = State.STARTING
    seen: float = -math.inf
    """Time of the last heartbeat; there is none before it is ready."""

    ready_at: float = math.inf
    due: str = ""
    """Why it must be replaced; empty if it need not be."""

    due_at: float = math.inf
    expires_at: float = math.inf
    kill_at: float = math.inf
    is_blocked: bool = False
    must_hurry: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do; `slot`, numbered from 0, is where a new worker goes: a successor to its predecessor's."""

    act: Act
    worker: Worker | None = None
    slot: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """What the end of a worker means: whether it was wanted, and how many seconds its successor waits."""

    is_wanted: bool
    is_boot_failure: bool = False
    has_ended_renewal: bool = False
    """Whether it was the first of a restart, which is therefore abandoned."""

    pause: float = 0.0
    is_clean: bool = True
    """False if it should have drained, and did not."""


class WorkerPolicy:
    """All workers of one server; `code` is the server's exit code once it has to end.

    `patience` is for the next workers to be started.
    """

    def __init__(self, target: int, patience: Patience) -> None:
        self.target = target
        self.patience = patience
        self.workers: list[Worker] = []
        self.generation = 0
        self.code: int | None = None
        self.gave_up = ""
        """Why the server ends unasked."""

        self.failed_generation = -1
        """The newest generation whose first worker could not start."""

        self._newest_ready = -1
        """The newest generation that has had a worker ready."""

        self._ends: list[float] = []
        self._quick_ends = 0
        self._not_before = -math.inf

    @property
    def has_been_ready(self) -> bool:
        """Whether any worker has ever been ready."""
        return self._newest_ready >= 0

    @property
    def is_complete(self) -> bool:
        """Whether as many workers serve as should."""
        return sum(worker.state is State.READY for worker in self.workers) >= self.target

    @property
    def is_proven(self) -> bool:
        """Whether a worker of the newest generation has ever been ready."""
        return self._newest_ready == self.generation

    @property
    def is_renewing(self) -> bool:
        """Whether there are workers of an older generation, or may be again."""
        return self._is_on_trial or any(worker.generation < self.generation for worker in self.workers)

    @property
    def _is_on_trial(self) -> bool:
        """Whether it is still unknown if workers of the newest generation can start."""
        return self.has_been_ready and self.generation > max(self._newest_ready, self.failed_generation)

    # What has happened.

    def started(self, pid: int, slot: int, now: float, jitter: float = 1.0) -> Worker:
        """A worker has been started; its lifetime is multiplied by `jitter`."""
        expires_at = now + self.patience.lifetime * jitter
        worker = Worker(pid, slot, self.generation, now, self.patience, expires_at=expires_at)
        self.workers.append(worker)
        return worker

    def is_ready(self, worker: Worker, now: float) -> None:
        """A worker accepts connections from now on."""
        if worker.state is State.STARTING:
            worker.state = State.READY
            worker.ready_at = worker.seen = now
            self._newest_ready = max(self._newest_ready, worker.generation)

    def beats(self, worker: Worker, now: float) -> None:
        """A worker has sent a heartbeat."""
        worker.seen = now

    def is_due(self, worker: Worker, reason: str, now: float) -> None:
        """A worker must be replaced; the first reason counts."""
        if not worker.due:
            worker.due, worker.due_at = reason, now

    def ended(self, worker: Worker, code: int, now: float) -> Ended:
        """A worker has ended, with an exit code or the negative number of a signal."""
        self.workers.remove(worker)
        if self.code is not None:
            is_clean = code == 0 or (code == -SIGTERM and worker.ready_at == math.inf)  # it has no handler at first
            if not is_clean and self.code == 0:
                self.code = FORCED
            return Ended(is_wanted=True, is_clean=is_clean)
        if worker.state is State.LEAVING and not worker.is_blocked:
            return Ended(is_wanted=True)
        if not self.has_been_ready:
            self.stop(now, code=code if code in (2, 3) else FAILED_TO_START)
            return Ended(is_wanted=False, is_boot_failure=True)
        return self._unexpected(worker, now)

    def not_started(self, now: float) -> None:
        """The process of a worker could not be started."""
        if self.code is None and not self.has_been_ready:
            self.stop(now, code=FAILED_TO_START)
        elif self.code is None:
            self._count_end(math.inf, now, is_boot_failure=True)

    def was_suspended(self, now: float) -> None:
        """The calling process did not run for a while: workers whose time ran out in that period get it again."""
        for worker in self.workers:
            worker.seen = max(worker.seen, now)
            if worker.kill_at < math.inf:
                worker.kill_at = max(worker.kill_at, now + BLOCKED_PATIENCE)

    # What is wanted.

    def resize(self, target: int) -> None:
        """Set how many workers serve; at least one."""
        self.target = max(1, target)

    def renew(self) -> None:
        """Replace all workers, one by one."""
        self.generation += 1

    def stop(self, now: float, *, code: int = 0, others_serve: bool = False) -> None:
        """Have all workers drain and end; `code` is the server's exit code. `others_serve`: another program does."""
        self.code = code
        for worker in self.workers:
            worker.must_hurry = not others_serve
            if worker.state is State.LEAVING:
                worker.kill_at = min(worker.kill_at, now + worker.patience.drain)

    def stop_at_once(self) -> None:
        """Have all workers killed."""
        self.code = FORCED if self.code in (None, 0) else self.code
        for worker in self.workers:
            worker.kill_at = -math.inf

    # What to do.

    @property
    def longest_drain(self) -> float:
        """How long the present workers may take to end."""
        return max((worker.patience.drain for worker in self.workers), default=0.0)

    @property
    def is_over(self) -> bool:
        """Whether the server has ended."""
        return self.code is not None and not self.workers

    def plan(self, now: float) -> list[Step]:
        """What to do now; each step is returned once."""
        steps = [step for worker in self.workers for step in self._overdue(worker, now)]
        if self.code is not None:
            return steps + [self._ask_to_end(worker, now, Act.CLOSE) for worker in self._live()]
        steps += self._exchange(now)
        return steps

    def wakes_at(self, now: float) -> float:
        """When, after `now`, something will be due if nothing happens before; `math.inf` for never."""
        times = [self._not_before] if self.code is None and self._empty_slots() else []
        for worker in self.workers:
            times.append(worker.kill_at)
            if worker.state is State.READY:
                times.append(self._blocked_at(worker))
                if not worker.due:
                    times.append(worker.expires_at)
            if worker.state is not State.LEAVING and worker.due:
                times.append(max(worker.due_at, self._not_before))
        return min((time for time in times if time > now), default=math.inf)

    def _serves(self) -> bool:
        return any(worker.state is State.READY for worker in self.workers)

    def _live(self) -> list[Worker]:
        """Workers that serve, or are about to."""
        return [worker for worker in self.workers if worker.state is not State.LEAVING]

    def _blocked_at(self, worker: Worker) -> float:
        return worker.seen + worker.patience.beat * (1 + 1 / BEATS)

    def _overdue(self, worker: Worker, now: float) -> list[Step]:
        """What is due for one worker at this time."""
        if now >= worker.kill_at:
            worker.kill_at = math.inf
            return [Step(Act.KILL, worker)]
        if worker.must_hurry:
            worker.must_hurry = False
            return [Step(Act.HURRY, worker)]
        if worker.state is State.READY and now >= self._blocked_at(worker):
            worker.is_blocked = True
            self.is_due(worker, BLOCKED, now)
            retire = self._ask_to_end(worker, now, Act.RETIRE)
            worker.kill_at = now + BLOCKED_PATIENCE
            return [Step(Act.DUMP, worker), retire]
        if worker.state is State.READY and now >= worker.expires_at:
            self.is_due(worker, AGED, now)
        return []

    def _exchange(self, now: float) -> list[Step]:
        """Close surplus workers, fill empty slots, or continue replacing a worker that is due."""
        live = self._live()
        steps = [self._ask_to_end(worker, now, Act.CLOSE) for worker in live if worker.slot >= self.target]
        if empty := self._empty_slots():
            return steps + [Step(Act.START, slot=slot) for slot in empty if now >= self._not_before]
        due = self._due(now)
        steps += [self._ask_to_end(worker, now, Act.RETIRE) for worker in due if self._has_successor(worker)]
        is_settled = len(self.workers) == self.target
        if due and not steps and is_settled and now >= self._not_before:
            return [Step(Act.START, slot=min(due, key=lambda one: (one.due_at, one.began)).slot)]
        return steps

    def _empty_slots(self) -> list[int]:
        """Slots with no worker that will keep serving."""
        taken = {worker.slot for worker in self._live()}
        return [slot for slot in range(self.target) if slot not in taken]

    def _due(self, now: float) -> list[Worker]:
        """The workers to replace now."""
        live = self._live()
        for worker in live:
            if worker.generation < self.generation:
                self.is_due(worker, RENEWED, now)
        return [worker for worker in live if worker.due and now >= worker.due_at]

    def _has_successor(self, worker: Worker) -> bool:
        """Whether a later worker serves in the same slot."""
        return any(
            other.slot == worker.slot and other.state is State.READY and other.began > worker.began
            for other in self.workers
        )

    def _ask_to_end(self, worker: Worker, now: float, act: Act) -> Step:
        patience = worker.patience.drain
        if worker.state is State.STARTING:
            patience = min(patience, BOOT_PATIENCE)
        worker.kill_at = min(worker.kill_at, now + patience)
        worker.state = State.LEAVING
        return Step(act, worker, worker.slot)

    def _give_up_renewal(self, now: float) -> None:
        """The old workers need no replacement now; any others of the new generation do."""
        self.failed_generation = self.generation
        for worker in self.workers:
            if worker.generation == self.generation:
                self.is_due(worker, GIVEN_UP, now)
            elif worker.due == RENEWED:
                worker.due, worker.due_at = "", math.inf
            worker.generation = self.generation

    def _unexpected(self, worker: Worker, now: float) -> Ended:
        is_boot_failure = worker.state is State.STARTING
        if is_boot_failure and worker.generation == self.generation and self._is_on_trial:
            self._give_up_renewal(now)
            return Ended(is_wanted=False, is_boot_failure=True, has_ended_renewal=True)
        return self._count_end(worker.ready_at, now, is_boot_failure=is_boot_failure)

    def _count_end(self, ready_at: float, now: float, *, is_boot_failure: bool) -> Ended:
        if not (is_boot_failure and self._serves()):  # serving workers must not end because others cannot start
            self._ends = [at for at in self._ends if at > now - ENDS_WINDOW] + [now]
        self._quick_ends = 0 if now - ready_at >= QUICK_END else self._quick_ends + 1
        pause = _pause(self._quick_ends)
        self._not_before = now + pause
        if len(self._ends) >= ENDS_PER_WORKER * self.target:
            self.gave_up = f"{len(self._ends)} workers ended unexpectedly within {ENDS_WINDOW:g} s"
            self.stop(now, code=FORCED)
        return Ended(is_wanted=False, is_boot_failure=is_boot_failure, pause=pause)


def _pause(quick_ends: int) -> float:
    return 0.0 if quick_ends < 2 else min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (quick_ends - 2))
