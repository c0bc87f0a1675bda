"""`Reloader`: runs something, and restarts it whenever files change.

Joins watching and processes, and logs what happens; `esg_reload.watching` watches the files and `esg_reload.child` ends
the processes. If what runs is broken, it waits for the next change.
"""

import logging
from collections.abc import Sequence

from esg_reload.child import Child
from esg_reload.files import Files
from esg_reload.fresh import refuse_nested_reloader
from esg_reload.group import explained
from esg_reload.launch import Work, prepare
from esg_reload.signals import URGENT, handled, named
from esg_reload.watching import watch

FORCED = 1
"""The exit code after something had to be killed."""

NAMED = 10
"""Number of files that a restart names; the others it only counts."""


class Reloader:
    """Runs `work` in another process, and restarts it when `files` change.

    `work` is a command as a list of strings, or a callable for a fresh interpreter: `"module:function"`, or an object
    that can be imported and pickled, or a `functools.partial` of one. A restart waits until nothing has changed for
    `delay` seconds. To end the process, SIGTERM is sent, and after `grace` seconds SIGKILL to its whole process group.
    `descriptors` are inherited under the same numbers: a listening socket that this process keeps open refuses no
    connection during a restart. `logger` gets the messages; the default is the logger `esg_reload`.

    As process 1 of a container, it takes all other children of this process for orphans and reaps them.

    Raises `TypeError` or `ValueError` for what another process cannot run.
    """

    def __init__(
        self,
        work: Work,
        files: Files | None = None,
        *,
        delay: float = 0.25,
        grace: float = 1.0,
        descriptors: Sequence[int] = (),
        logger: logging.Logger | None = None,
    ) -> None:
        self._launch = prepare(work, descriptors)
        self._files = files if files is not None else Files()
        self._delay = delay
        self._grace = grace
        self._logger = logger if logger is not None else logging.getLogger("esg_reload")
        self._stop = _Stop()
        self._child: Child | None = None
        self._is_forced = False

    def run(self) -> int:
        """Run and restart until SIGINT, SIGTERM or SIGHUP comes or `stop()` is called; leaves nothing running.

        Returns 0, or 1 if the last process had to be killed; a second signal, or SIGQUIT, kills it at once. Raises
        `OSError` if the command cannot be started the first time, and `RuntimeError` in a module that a fresh process
        imports. Signals are handled in the main thread only.
        """
        refuse_nested_reloader()
        with handled(self._on_signal):
            try:
                for changed in watch(self._files, delay=self._delay, stop=self._stop, logger=self._logger):
                    self._run_with(changed)
            finally:
                self._end()
        return FORCED if self._is_forced else 0

    def stop(self) -> None:
        """End `run()`; may be called from any thread."""
        self._stop.set()

    def _run_with(self, changed: Sequence[str]) -> None:
        if changed:
            self._logger.warning("%s changed: restarting", _listed(changed))
            self._end()
        else:
            self._logger.info("Watching %s for changes", ", ".join(map(str, self._files.roots)))
        if self._stop.is_set():
            return
        try:
            self._child = Child(self._launch, self._on_end)
        except OSError as error:
            if not changed:
                raise
            self._wait_after(f"Cannot start {explained(error)}")

    def _end(self) -> None:
        """End the process, if one runs."""
        if self._child is not None and not self._child.stop(self._grace):
            self._logger.warning("Killed what did not end within %g s", self._grace)
            self._is_forced = self._stop.is_set()
        self._child = None

    def _on_end(self, code: int) -> None:
        """The process has ended by itself."""
        if self._stop.is_set():
            return
        if code:
            self._wait_after(f"Ended by {named(-code)}" if code < 0 else f"Ended with exit code {code}")
        else:
            self._logger.info("Ended; waiting for a change")

    def _wait_after(self, failure: str) -> None:
        self._logger.error("%s; waiting for a change", failure)

    def _on_signal(self, number: int) -> None:
        is_urgent = self._stop.is_set() or number in URGENT
        self._stop.set()
        if is_urgent and self._child is not None:
            self._is_forced = True
            self._child.kill()


class _Stop:
    """Whether to stop; unlike `threading.Event` it has no lock, so that a signal handler can set it."""

    def __init__(self) -> None:
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True


def _listed(names: Sequence[str]) -> str:
    """`a.py`, `a.py and b.py`, `a.py, b.py and 50 more`."""
    shown = list(names[:NAMED])
    if len(names) > NAMED:
        shown.append(f"{len(names) - NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
