"""What the admin address needs of a parent: its workers, and what it does when an operator asks for it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from esg_core.processes.policy import WorkerPolicy
from esg_core.processes.trials import Told
from esg_core.processes.workers import RunningWorkers
from esg_core.sockets.bound import BoundSocket


class Controls(Protocol):
    """What signals do, and operators can ask for."""

    def renew(self, told: Told) -> None:
        """Reload the configuration, try it, and replace all workers; `told` is called with why not, or empty."""

    def resize(self, target: int) -> None:
        """Have as many workers serve as this; at least one."""

    def reopen(self) -> bool:
        """Reopen the log files of all processes; returns whether that is possible."""

    def stop(self, now: float) -> None:
        """Have all workers drain and end; the second time, end them at once."""


class Parent(NamedTuple):
    """One parent of workers; `listeners` are the sockets that its clients connect to."""

    policy: WorkerPolicy
    workers: RunningWorkers
    controls: Controls
    listeners: Sequence[BoundSocket]
