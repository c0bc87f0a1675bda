"""The directory in which applications' processes keep their values, and what becomes of the files of ended processes.

Knows files and process IDs, not workers. Readers lock nothing: they list the directory, then open one file after the
other. So no file is changed in place. A fold makes a new directory, with links to the files that stay and one file, of
a new name, for those that are folded, and puts it in place of the current one by replacing a symbolic link. A reader
that has listed the former directory either finds a file as it was listed or does not find it: its reading fails, or is
right.
"""

import contextlib
import logging
import os
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from esg_core.prometheus.value_files import FOLDS, UnknownFormatError, Values, fold, read, write

MOST_ENDED = 50
"""Ended processes whose files are kept one by one."""

EACH_PROCESS = "gauge_all"
"""Gauges with one series per process, running or ended: they cannot become one."""

_NAME = re.compile(r"(counter|histogram|summary|gauge_[a-z]+)_([0-9]+|ended-[0-9]+)\.db")


class ValueDirectory:
    """The directory `path`, made in `base`, which must be empty; raises `OSError`."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._number = 1
        self._ended: list[int] = []
        self._folded: set[int] = set()
        self._former: tuple[Path, set[str]] | None = None
        self._unknown: set[str] = set()
        self._fold_beyond = MOST_ENDED
        self._can_fold = sys.platform != "win32"  # which needs a privilege for symbolic links
        self._logger = logging.getLogger("esg.error")
        self._current = base / "1"
        self._current.mkdir()
        self.path = base / "values" if self._can_fold else self._current
        if self._can_fold:
            self.path.symlink_to("1")

    def ended(self, pid: int) -> None:
        """Remove the live gauges of a process that has ended, and fold the files of such processes if they are many.

        Raises nothing: what cannot be done is left undone, with a line for debugging.
        """
        self._ended.append(pid)
        try:
            for live in self._current.glob(f"gauge_live*_{pid}.db"):
                live.unlink()
            if self._can_fold and len(self._ended) > self._fold_beyond:
                self._fold()
        except OSError as error:
            self._logger.debug("Metrics of ended workers are left as they are: %s", error)

    def _fold(self) -> None:
        self._end_former()
        gone = {pid for pid in self._ended if not _is_running(pid)}
        number = self._number + 1
        current, following = self._current, self._base / str(number)
        names = _names(current)
        try:
            following.mkdir()
            for name in names - self._write_folded(following, names, gone) - self._outdated(names):
                _link(current / name, following / name)
            swapped_in = self._base / "next"
            swapped_in.unlink(missing_ok=True)
            swapped_in.symlink_to(following.name)
            _bring_new_files(current, following, names)  # a reader after the swap must find them
            swapped_in.replace(self.path)
        except OSError:
            self._fold_beyond = len(self._ended) + MOST_ENDED
            shutil.rmtree(following, ignore_errors=True)
            raise
        self._number, self._current, self._former = number, following, (current, names)
        self._ended = [pid for pid in self._ended if pid not in gone]
        self._fold_beyond = len(self._ended) + MOST_ENDED
        self._folded = gone
        self._bring_late_files()

    def _write_folded(self, following: Path, names: set[str], gone: set[int]) -> set[str]:
        """Write one file for all that can be folded of each kind; returns the names of those."""
        by_kind: dict[str, dict[str, Values]] = defaultdict(dict)
        for name in names - self._unknown:
            found = _NAME.fullmatch(name)
            if found and found[1] in FOLDS and (not found[2].isdigit() or int(found[2]) in gone):
                with self._leaving_unknown(name):
                    by_kind[found[1]][name] = read((self._current / name).read_bytes())
        done: set[str] = set()
        for kind, files in by_kind.items():
            with self._leaving_unknown(*files):
                (following / f"{kind}_ended-{following.name}.db").write_bytes(write(fold(kind, files.values())))
                done.update(files)
        return done

    @contextlib.contextmanager
    def _leaving_unknown(self, *names: str) -> Iterator[None]:
        try:
            yield
        except UnknownFormatError as error:
            self._unknown.update(names)
            self._logger.debug("Metrics of ended workers are not folded, unknown format of %s: %s", names[0], error)

    def _outdated(self, names: set[str]) -> set[str]:
        """The gauges of processes that had ended by the previous fold."""
        old = {f"{EACH_PROCESS}_{pid}.db" for pid in self._folded if not _is_running(pid)}
        return old & names

    def _bring_late_files(self) -> None:
        """Link what processes have made in the former directory since it was last looked at."""
        if self._former is not None:
            former, known = self._former
            _bring_new_files(former, self._current, known)

    def _end_former(self) -> None:
        if self._former is not None:
            self._bring_late_files()
            shutil.rmtree(self._former[0], ignore_errors=True)
            self._former = None


def _bring_new_files(former: Path, following: Path, known: set[str]) -> None:
    """Link the files that are not `known` yet, and add their names to those that are."""
    for name in _names(former) - known:
        known.add(name)
        _link(former / name, following / name)


def _link(name: Path, new: Path) -> None:
    """Link a file, unless an application has removed it, or has made the new one itself."""
    with contextlib.suppress(FileNotFoundError, FileExistsError):
        os.link(name, new)


def _names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def _is_running(pid: int) -> bool:
    """Whether there is a process with this ID, which may be another one by now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
