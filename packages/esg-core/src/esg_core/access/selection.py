"""Decides which requests get no access line (rule A-9): patterns to exclude, and a share to log of the others.

Pure but for chance. Patterns are read once (`esg_core.options.access_patterns`). Which of them apply to a request is
remembered by its method and path, in bounded memory, so that a request costs one look-up.
"""

from collections.abc import Callable, Sequence

from esg_core.access.exchange import ScopeLike
from esg_core.options.access_patterns import Statuses, read_pattern

REMEMBERED = 1024
"""Methods with paths that are remembered; more are rare, and then all are forgotten."""

LONGEST = 256
"""Bytes of the longest path that is remembered; longer ones are matched each time."""


class Selection:
    """What is logged: nothing that one of `patterns` excludes, and of the rest all errors and a `share` of the others.

    `chance` returns a number from 0 up to 1. Errors are statuses from 400 on, and responses that were aborted.
    """

    __slots__ = ("_chance", "_patterns", "_remembered", "_share")

    def __init__(self, patterns: Sequence[str], share: float, chance: Callable[[], float]) -> None:
        self._patterns = [pattern for text in patterns if (pattern := read_pattern(text)) is not None]
        self._share = share
        self._chance = chance
        self._remembered: dict[tuple[str, bytes], tuple[Statuses, ...]] = {}

    def keeps(self, scope: ScopeLike, target: bytes, status: int, aborted: bool) -> bool:
        """Whether a request is logged."""
        if self._patterns and self._excludes(scope["method"], target.partition(b"?")[0], status):
            return False
        return self._share == 1 or status >= 400 or aborted or self._chance() < self._share

    def _excludes(self, method: str, path: bytes, status: int) -> bool:
        excluded = self._remembered.get((method, path))
        if excluded is None:
            excluded = self._match(method, path)
        return any(first <= status <= last for first, last in excluded)

    def _match(self, method: str, path: bytes) -> tuple[Statuses, ...]:
        """The statuses that are excluded with this method and path."""
        text = path.decode("latin-1")
        excluded = tuple(
            pattern.statuses
            for pattern in self._patterns
            if pattern.method in ("", method) and pattern.path.match(text) is not None
        )
        if len(path) <= LONGEST:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[method, path] = excluded
        return excluded
