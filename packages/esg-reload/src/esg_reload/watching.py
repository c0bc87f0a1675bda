"""Reports which files have changed, a burst of changes at a time.

Knows files and the clock, and no processes. `watchfiles` reports events in the directories; where it is not installed,
or gives up, the files are scanned every `SCAN_EVERY` seconds. Files behind links always are, because no system reports
their changes. It waits until a burst is over, because a formatter, a checkout or an editor changes many files, or one
file several times.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from esg_reload.files import Files
from esg_reload.scanning import Scan, printable, signature_of

STEP = 0.05
"""Seconds within which a change or a stop is noticed."""

SCAN_EVERY = 0.25
"""Seconds between two scans of files whose changes the system does not report."""

HINT = "; watch fewer directories, or raise the limit (on Linux sysctl fs.inotify)"

LONGEST_BURST = 5.0
"""Seconds after which a burst that does not end is reported anyway."""


class StopEvent(Protocol):
    """Ends watching; a `threading.Event` will do."""

    def is_set(self) -> bool:
        """Whether to stop."""


def watch(
    files: Files, *, delay: float = 0.25, stop: StopEvent | None = None, logger: logging.Logger | None = None
) -> Iterator[tuple[str, ...]]:
    """Yield the paths of changed files, each time that nothing more has changed for `delay` seconds.

    Paths are sorted, and relative if they are in the current directory. The first item is empty: from then on, no
    change is missed. So a loop does its work once for each item, always with the newest files:

        for changed in watch(Files("src")):
            rebuild()

    Ends when `stop` is set, and never because of what is in the directories: what cannot be watched is logged once to
    `logger`, by default the logger `esg_reload`. Raises `KeyboardInterrupt` like any waiting call.
    """
    logger = logger if logger is not None else logging.getLogger("esg_reload")
    stop = stop if stop is not None else threading.Event()
    burst = _Burst(delay)
    is_first = True
    for changed in _changes(files, stop, logger):
        if is_first:
            is_first = False
            yield ()
        burst.add(changed)
        if burst.is_over():
            yield burst.take()


class _Burst:
    """Changes that are reported together."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._paths: set[str] = set()
        self._began = self._went_on = 0.0

    def add(self, paths: set[str]) -> None:
        if not paths:
            return
        self._went_on = time.monotonic()
        if not self._paths:
            self._began = self._went_on
        self._paths |= paths

    def is_over(self) -> bool:
        now = time.monotonic()
        is_long = now >= self._began + self._delay + LONGEST_BURST
        return bool(self._paths) and (is_long or now >= self._went_on + self._delay)

    def take(self) -> tuple[str, ...]:
        paths, self._paths = self._paths, set()
        here = Path.cwd()
        return tuple(sorted(_named(Path(path), here) for path in paths))


def _changes(files: Files, stop: StopEvent, logger: logging.Logger) -> Iterator[set[str]]:
    """The files changed since the last item, possibly none; the first item comes when watching has begun."""
    scan = Scan(files, logger)
    reason = ""
    try:
        if not _is_to_poll():
            yield from _reported(files, stop, scan)
            reason = "" if stop.is_set() else "a directory has been replaced"
    except ImportError:
        pass  # watchfiles is optional: some interpreters have no build of it
    except Exception as error:  # noqa: BLE001 - Rust's panics and internal errors have no common base
        reason = str(error).partition(" about ")[0].rstrip(". ")
    if reason:
        hint = HINT if "limit" in reason else ""
        logger.warning("Polling files every %g s instead of watching them: %s%s", SCAN_EVERY, printable(reason), hint)
    while not stop.is_set():
        yield scan.changes()
        time.sleep(SCAN_EVERY)


def _is_to_poll() -> bool:
    """Whether the user has told watchfiles to poll, for file systems that report nothing, such as network shares."""
    return os.environ.get("WATCHFILES_FORCE_POLLING", "").lower() not in ("", "false", "disable", "disabled")


def _reported(files: Files, stop: StopEvent, scan: Scan) -> Iterator[set[str]]:
    """What the system reports and what scans find behind links; ends when a watched directory has been replaced."""
    import watchfiles

    # It logs each change, excluded ones too: a log file in a watched directory would feed itself.
    logging.getLogger("watchfiles.main").setLevel(logging.WARNING)
    roots = {root: _identity(root) for root in files.roots}
    step = round(STEP * 1000)
    look_at = 0.0
    for happened in watchfiles.watch(
        *roots,
        watch_filter=None,
        step=step,
        debounce=2 * step,
        rust_timeout=step,
        yield_on_timeout=True,
        stop_event=stop,
        ignore_permission_denied=True,
    ):
        changed = {path for _, path in happened if files(path)}
        if happened:
            changed |= scan.changes()
        elif time.monotonic() >= look_at:
            look_at = time.monotonic() + SCAN_EVERY
            changed = scan.changes_behind_links()
            if any(_identity(root) != identity for root, identity in roots.items()):
                return
        yield changed


def _identity(directory: Path) -> tuple[int, int] | None:
    found = signature_of(directory)
    return found[:2] if found is not None else None


def _named(path: Path, here: Path) -> str:
    return printable(str(path.relative_to(here) if path.is_relative_to(here) else path))
