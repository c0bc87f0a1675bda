"""Finds changed files by scanning, for changes that the system does not report.

Knows the file system and no watcher. A file is identified by device, inode, size and time of change, so that a replaced
file counts as changed. Links are followed, as imports do. What cannot be read is skipped and logged once: nothing in a
tree aborts a scan.
"""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from esg_reload.files import Files

Signature = tuple[int, int, int, int]
"""Device, inode, size, and nanoseconds of the last change."""


class Scan:
    """The files that count, as they were at the last scan."""

    def __init__(self, files: Files, logger: logging.Logger) -> None:
        self._files = files
        self._logger = logger
        self._unreadable: set[str] = set()
        self._links: set[str] = set()
        self._seen = self._look()

    def changes(self) -> set[str]:
        """The paths of files that are new, gone or changed since the last scan."""
        before, self._seen = self._seen, self._look()
        return {path for path in before.keys() | self._seen.keys() if before.get(path) != self._seen.get(path)}

    def changes_behind_links(self) -> set[str]:
        """Like `changes()`, but checks only files behind links first, which is quick if there are few."""
        changed = {path for path in self._links if signature_of(Path(path)) != self._seen.get(path)}
        return self.changes() if changed else changed

    def _look(self) -> dict[str, Signature]:
        self._links = set()
        seen: dict[str, Signature] = {}
        for root in self._files.roots:
            for path, signature, is_behind_link in self._walk(str(root), (), is_behind_link=False):
                seen[path] = signature
                if is_behind_link:
                    self._links.add(path)
        return seen

    def _walk(
        self, directory: str, above: tuple[tuple[int, int], ...], *, is_behind_link: bool
    ) -> Iterator[tuple[str, Signature, bool]]:
        """The files below a directory; `above` are the directories above it, because links can form a cycle."""
        try:
            found = Path(directory).stat()
            entries = list(os.scandir(directory))
        except OSError as error:
            self._cannot_read(directory, error)
            return
        here = (found.st_dev, found.st_ino)
        if here in above:
            return
        for entry in entries:
            path, is_link = entry.path, is_behind_link or _is_so(entry.is_symlink)
            if _is_so(entry.is_dir):
                if not self._files.leaves_out(path):
                    yield from self._walk(path, (*above, here), is_behind_link=is_link)
            elif self._files(path):
                signature = signature_of(entry)
                if signature is not None:
                    yield path, signature, is_link

    def _cannot_read(self, directory: str, error: OSError) -> None:
        if directory not in self._unreadable:
            self._unreadable.add(directory)
            reason = error.strerror or str(error)
            self._logger.warning("Changes in %s go unnoticed: %s", printable(directory), reason)


def signature_of(place: "Path | os.DirEntry[str]") -> Signature | None:
    """What identifies the present version of a file; None if it does not exist."""
    try:
        found = place.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def printable(path: str) -> str:
    """The path as text that any stream can write: bytes that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_so(question: Callable[[], bool]) -> bool:
    """What the system answers about an entry; False if it refuses to."""
    try:
        return question()
    except OSError:
        return False
