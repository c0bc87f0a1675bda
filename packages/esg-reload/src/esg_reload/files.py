"""Decides which files count: those in the watched directories that match an include and no exclude.

Knows paths as text and uses the file system only to check that the directories exist. Patterns are those of a shell:
`*.py` matches names, `tests/data` the end of a path. A pattern that matches a directory applies to everything inside
it, but the watched directory itself and those above it are not matched: a project may be in a directory with a dot.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

DEFAULT_INCLUDES = ("*.py",)
DEFAULT_EXCLUDES = (".*", ".py[cod]", ".sw.*", "~*")

WILDCARDS = frozenset("*?[")


class Files:
    """The files to watch: `Files("src", "conf", includes=["*.yaml"])(path)` says whether a path is one of them.

    Without directories, the current one is watched. `includes` and `excludes` add to the defaults (`DEFAULT_INCLUDES`,
    `DEFAULT_EXCLUDES`); a default that appears in the opposite list is dropped, so that `excludes=["*.py"]` leaves only
    `includes`. Excluded files do not count, unless an include names exactly that file without a wildcard:
    `includes=[".env"]`.

    Raises `NotADirectoryError` for a directory that does not exist, and `ValueError` for an invalid pattern.
    """

    def __init__(
        self, *directories: str | os.PathLike[str], includes: Iterable[str] = (), excludes: Iterable[str] = ()
    ) -> None:
        included, excluded = tuple(includes), tuple(excludes)
        self.directories = tuple(_directory(name) for name in directories or (os.curdir,))
        self.includes = _patterns(DEFAULT_INCLUDES, included, excluded)
        self.excludes = _patterns(DEFAULT_EXCLUDES, excluded, included)
        self._names = tuple(pattern for pattern in self.includes if WILDCARDS.isdisjoint(pattern))

    def __call__(self, path: str | os.PathLike[str]) -> bool:
        """Whether a file counts; the path is absolute, or relative to the current directory."""
        places = tuple(self._places(Path(path).absolute()))
        if not places:
            return False
        if any(places[0].match(name) for name in self._names):
            return True
        return _fits(places, self.includes) and not _fits(places, self.excludes)

    def leaves_out(self, directory: str | os.PathLike[str]) -> bool:
        """Whether no file in a directory can count: it is excluded, and no include lacks a wildcard."""
        places = tuple(self._places(Path(directory).absolute()))
        return not self._names and _fits(places, self.excludes)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The directories, without those inside another one of them."""
        every = dict.fromkeys(self.directories)
        return tuple(one for one in every if not any(one.is_relative_to(other) for other in every if other != one))

    def _places(self, path: PurePath) -> Iterator[PurePath]:
        """The path and the directories above it, below the nearest watched one."""
        above = [directory for directory in self.directories if directory in path.parents]
        if above:
            nearest = max(above, key=lambda directory: len(directory.parts))
            yield path
            yield from (parent for parent in path.parents if nearest in parent.parents)


def _directory(name: str | os.PathLike[str]) -> Path:
    path = Path(name).resolve()
    if not path.is_dir():
        raise NotADirectoryError(f"there is no directory {os.fspath(name)!r}")
    return path


def _patterns(defaults: Iterable[str], own: tuple[str, ...], opposite: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in own:
        if not PurePath(pattern).parts:
            raise ValueError(f"{pattern!r} is not a pattern: write it as in a shell, such as '*.html'")
    kept = [pattern for pattern in defaults if pattern not in opposite]
    return tuple(dict.fromkeys([*kept, *own]))


def _fits(places: Iterable[PurePath], patterns: Iterable[str]) -> bool:
    return any(place.match(pattern) for pattern in patterns for place in places)
