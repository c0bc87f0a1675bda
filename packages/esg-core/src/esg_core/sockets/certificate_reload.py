"""A value that is made from files, and made again when they have changed: certificates, while a server runs (W-7).

Knows files and a clock, not what is made. Nothing runs in the background: asking for the value checks the files, at
most once a second. If it cannot be made again, the former value stays in use, and the log says so once.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

LOOK_EVERY = 1.0
"""Seconds between two checks of the files."""

_State = tuple[tuple[int, int, int, int] | None, ...]


class ReloadedOnChange(Generic[T]):
    """What `make()` makes from `files`; raises what that raises, the first time. `what` names it in the log."""

    def __init__(self, make: Callable[[], T], files: Sequence[str], what: str) -> None:
        self._make = make
        self._files = [Path(file) for file in files]
        self._what = what
        self._logger = logging.getLogger("esg.error")
        self._state = self._look()
        self._current = make()

    def __call__(self) -> T:
        """The newest value that could be made."""
        now = time.monotonic()
        if now >= self._look_at:
            state = self._look()
            if state != self._state:
                self._state = state
                self._renew()
        return self._current

    def _look(self) -> _State:
        """What shows whether the files are still the same."""
        self._look_at = time.monotonic() + LOOK_EVERY
        return tuple(map(_state, self._files))

    def _renew(self) -> None:
        try:
            self._current = self._make()
        except Exception as error:  # noqa: BLE001 - whatever the files make Python raise, there is a value that works
            self._logger.error("%s; the former %s stay in use", error, self._what)  # noqa: TRY400 - the text is all
        else:
            self._logger.info("The %s have changed and are in use", self._what)


def _state(path: Path) -> tuple[int, int, int, int] | None:
    """The state of the file behind a symbolic link: Kubernetes and certbot change the link."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev
