"""Says which files count: those below some directories whose names fit one pattern and no other.

Knows paths as text and looks at the file system only to see that the directories are there. A pattern is that of a
shell: `*.py` fits names, `tests/data` the end of a path. What fits a directory counts for everything inside it, but
the directory that is watched, and where it lies, do not: a project may be kept in a directory with a dot.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

DEFAULT_INCLUDES = ("*.py",)
DEFAULT_EXCLUDES = (".*", ".py[cod]", ".sw.*", "~*")

WILDCARDS = frozenset("*?[")


class Files:
    """The files to watch: `Files("src", "conf", includes=["*.yaml"])(path)` says whether a path is one of them.

    Without directories, the current one is watched. `includes` and `excludes` are patterns beside the defaults
    (`DEFAULT_INCLUDES`, `DEFAULT_EXCLUDES`); a default that is named among the others is dropped, so that
    `excludes=["*.py"]` leaves only what `includes` says. What is excluded does not count, unless an include names just
    that file without a wildcard: `includes=[".env"]`.

    Raises `NotADirectoryError` for a directory that is not there, and `ValueError` for what is no pattern.
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
        """Whether a file counts; the path is absolute, or starts at the current directory."""
        places = tuple(self._places(Path(path).absolute()))
        if not places:
            return False
        if any(places[0].match(name) for name in self._names):
            return True
        return _fits(places, self.includes) and not _fits(places, self.excludes)

    def leaves_out(self, directory: str | os.PathLike[str]) -> bool:
        """Whether nothing in a directory can count: it is excluded, and no include names a file without a wildcard."""
        places = tuple(self._places(Path(directory).absolute()))
        return not self._names and _fits(places, self.excludes)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The directories without those that lie in another one of them."""
        every = dict.fromkeys(self.directories)
        return tuple(one for one in every if not any(one.is_relative_to(other) for other in every if other != one))

    def _places(self, path: PurePath) -> Iterator[PurePath]:
        """The path and the directories that it lies in, up to the nearest one that is watched."""
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
            raise ValueError(f"{pattern!r} is no pattern: name files as a shell does, such as '*.html'")
    kept = [pattern for pattern in defaults if pattern not in opposite]
    return tuple(dict.fromkeys([*kept, *own]))


def _fits(places: Iterable[PurePath], patterns: Iterable[str]) -> bool:
    return any(place.match(pattern) for pattern in patterns for place in places)
