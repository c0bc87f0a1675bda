"""`wsgi.errors`: what applications write there goes to the process's standard error at once (rule I-5)."""

import contextlib
import sys
from collections.abc import Iterable


class ErrorStream:
    """Writes to the current `sys.stderr`; what cannot be written is lost, and the request does not fail."""

    def write(self, text: str) -> int:
        """Write and flush; returns the number of characters."""
        if sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):  # its reader has gone, or it is closed
                sys.stderr.write(text)
                sys.stderr.flush()
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines, one after the other."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Do nothing: everything written has been flushed."""
