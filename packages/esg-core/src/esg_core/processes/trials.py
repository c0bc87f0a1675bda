"""Reloads the configuration and tries it, one trial at a time, while the parent goes on (rule W-9).

Knows neither workers nor why the configuration is to be reloaded.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from esg_core.logs import with_table

if TYPE_CHECKING:
    from esg_core.options.config import Config
    from esg_core.processes.rehearsal import Rehearsal

Told = Callable[[str], None]
"""Called once, with what is wrong with the configuration, or with an empty text if nothing is."""


class Trials:
    """`again` reloads the configuration; `adopt` is called with each that is good, `refuse` with any other's fault."""

    def __init__(
        self, again: Callable[[], "Config"], adopt: Callable[["Config"], None], refuse: Callable[[str], None]
    ) -> None:
        self._again = again
        self._adopt = adopt
        self._refuse = refuse
        self._rehearsal: Rehearsal | None = None
        self._config: Config | None = None
        self._told: list[Told] = []
        self._waiting: list[Told] = []

    def begin(self, told: Told) -> None:
        """Try the configuration as it is now, after the trial that runs, if there is one."""
        self._waiting.append(told)
        if self._rehearsal is None:
            self._start()

    def poll(self) -> None:
        """End the trial if its result is known; SIGCHLD says when that may be."""
        fault = None if self._rehearsal is None else self._rehearsal.fault()
        if fault is not None:
            self._end(fault)

    def close(self, fault: str) -> None:
        """End all trials, with this result."""
        if self._rehearsal is not None:
            self._rehearsal.cancel()
            self._rehearsal = None
        told, self._told, self._waiting = [*self._told, *self._waiting], [], []
        for tell in told:
            tell(fault)

    def leave_to_parent(self) -> None:
        """In a forked worker: close what only the parent reads."""
        if self._rehearsal is not None:
            self._rehearsal.leave_to_parent()

    def _start(self) -> None:
        from esg_core.processes.rehearsal import Rehearsal

        self._told, self._waiting = self._waiting, []
        try:
            self._config = self._again()
            self._rehearsal = Rehearsal(self._config)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the workers keep serving
            self._end(_said(error))

    def _end(self, fault: str) -> None:
        told, self._told, self._rehearsal = self._told, [], None
        config = self._config
        if not fault and config is not None:
            try:
                config = with_table(config)
            except Exception as error:  # noqa: BLE001 - as above
                fault = _said(error)
        if fault or config is None:
            self._refuse(fault)
        else:
            self._adopt(config)
        for tell in told:
            tell(fault)
        if self._waiting:
            self._start()


def in_the_log(_fault: str) -> None:
    """Tell nothing more: a signal has no answer."""


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
