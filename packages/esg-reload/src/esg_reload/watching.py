"""Tells when files have changed, and which: bursts of changes as one.

Knows files and the clock, and no processes. `watchfiles` says what happens in the directories; this waits for the end
of a burst, because a formatter, a checkout or an editor changes many files, or one file several times.
"""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import watchfiles

from esg_reload.files import Files

STEP = 0.05
"""Seconds in which a change, and a wish to stop, is noticed."""

WAYS_OUT = "watch fewer directories, raise the limit (on Linux sysctl fs.inotify) or set WATCHFILES_FORCE_POLLING=1"
"""What to do when the system cannot watch so much."""

LONGEST_BURST = 5.0
"""Seconds after which a burst that does not end is told all the same."""


class StopEvent(Protocol):
    """What ends watching; `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether to stop."""


def watch(files: Files, *, delay: float = 0.25, stop: StopEvent | None = None) -> Iterator[tuple[str, ...]]:
    """Yield the paths of files that have changed, each time that nothing more has changed for `delay` seconds.

    Paths are relative to the current directory if they lie in it, and sorted. The first item is empty: from then on, no
    change is missed. So a loop does its work once for each item, and works with the newest files:

        for changed in watch(Files("src")):
            rebuild()

    Ends when `stop` is set. Raises `KeyboardInterrupt` as any waiting does, and `OSError` if the system cannot watch.
    """
    burst = _Burst(delay)
    is_first = True
    for changes in _happenings(files, stop):
        if is_first:
            is_first = False
            yield ()
        burst.add(path for path in _paths(changes) if files(path))
        if burst.is_over():
            yield burst.take()


class _Burst:
    """Changes that are told together."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._paths: set[str] = set()
        self._began = self._went_on = 0.0

    def add(self, paths: Iterator[str]) -> None:
        found = set(paths)
        if not found:
            return
        self._went_on = time.monotonic()
        if not self._paths:
            self._began = self._went_on
        self._paths |= found

    def is_over(self) -> bool:
        now = time.monotonic()
        is_long = now >= self._began + self._delay + LONGEST_BURST
        return bool(self._paths) and (is_long or now >= self._went_on + self._delay)

    def take(self) -> tuple[str, ...]:
        paths, self._paths = self._paths, set()
        here = Path.cwd()
        return tuple(sorted(_named(Path(path), here) for path in paths))


def _happenings(files: Files, stop: StopEvent | None) -> Iterator[set[watchfiles.main.FileChange]]:
    """Whatever happens in the directories, and every `STEP` seconds an empty set: nothing."""
    # It logs each change, excluded ones too: a log file in a watched directory would feed itself.
    logging.getLogger("watchfiles.main").setLevel(logging.WARNING)
    step = round(STEP * 1000)
    try:
        yield from watchfiles.watch(
            *files.roots,
            watch_filter=None,
            step=step,
            debounce=2 * step,
            rust_timeout=step,
            yield_on_timeout=True,
            stop_event=stop,
        )
    except (OSError, RuntimeError) as error:
        reason = str(error).partition(" about ")[0].rstrip(". ")
        raise OSError(f"cannot watch files: {reason}; {WAYS_OUT}") from error


def _paths(changes: set[watchfiles.main.FileChange]) -> Iterator[str]:
    """The paths that changed; of a directory that was moved here, the system tells nothing but its name."""
    for change, path in changes:
        yield path
        if change is watchfiles.Change.added:
            for directory, _, names in os.walk(path):
                yield from (os.path.join(directory, name) for name in names)  # noqa: PTH118 - text in, text out


def _named(path: Path, here: Path) -> str:
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


__all__ = ["StopEvent", "watch"]
