"""Reads the output of a program in order: each wait begins after the line of the previous one."""

from tests.support.e2e.server import Program


class Follower:
    """Follows the output of a program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._seen = 0

    def next(self, pattern: str) -> str:
        """The next line that matches; those before it are skipped."""
        found = self._program.wait_for(f"(?m)^.*{pattern}.*$", self._seen)[0]
        self._seen = self._program.lines.index(found, self._seen) + 1
        return found
