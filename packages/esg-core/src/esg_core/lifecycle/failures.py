"""Shows the error that ends a program: one line on standard error, however logging is configured (rule C-3).

Knows streams and log handlers, not what went wrong. Every error that ends a program comes through here: from the
command, `esg.run()`, a single process, a parent of workers, the reloader, a gunicorn worker.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator

from esg_core.app.tracebacks import application_traceback
from esg_core.errors import CommandError, StartupError, UsageError
from esg_core.logs import flush
from esg_core.logs.colours import is_terminal
from esg_core.logs.console import ConsoleHandler

ORDER_PATIENCE = 0.1
"""Seconds for log handlers to write what was logged before, so that it stands above the error."""


def report(error: UsageError | StartupError | CommandError) -> int:
    """Show why the server cannot start, or a command cannot do what it should; returns the exit code."""
    show(*explanation(error))
    return error.exit_code


def explanation(error: UsageError | StartupError | CommandError) -> tuple[str, str]:
    """The error in one line, and details: the application's traceback and notes, or ""."""
    details = [] if error.__cause__ is None else [application_traceback(error.__cause__)]
    return str(error), "\n".join(details + getattr(error, "__notes__", []))


def show(line: str, details: str = "") -> None:
    """Write the details and `Error: LINE` to standard error, and log both where they would be missed.

    Handlers that write elsewhere, to a file or a service, log them as critical. Handlers that write to a terminal or to
    standard error, and ESG's own, do not: the same reader would see them twice. Never raises.
    """
    line = " ".join(line.split("\n"))
    flush(ORDER_PATIENCE)
    with contextlib.suppress(OSError, ValueError, AttributeError):  # it has no reader, or does not exist
        sys.stderr.write("".join(f"{text}\n" for text in (details, f"Error: {line}") if text))
        sys.stderr.flush()
    _log_elsewhere(f"{line}\n{details}".rstrip("\n"))


def _log_elsewhere(text: str) -> None:
    logger = logging.getLogger("esg.error")
    record = logger.makeRecord(logger.name, logging.CRITICAL, "", 0, "%s", (text,), None)
    if not logger.isEnabledFor(record.levelno) or not logger.filter(record):
        return
    is_read = _is_read()
    for handler in _handlers(logger):
        if record.levelno >= handler.level and not (is_read and _has_same_reader(handler)):
            handler.handle(record)
            handler.flush()


def _handlers(logger: logging.Logger) -> Iterator[logging.Handler]:
    """The handlers that get the records of a logger."""
    current: logging.Logger | None = logger
    while current is not None:
        yield from current.handlers
        current = current.parent if current.propagate else None


def _is_read() -> bool:
    """Whether standard error goes anywhere."""
    if sys.stderr is None or getattr(sys.stderr, "closed", False):
        return False
    try:
        return not os.path.samestat(os.fstat(sys.stderr.fileno()), os.stat(os.devnull))  # noqa: PTH116 - as it takes it
    except (AttributeError, OSError, ValueError):  # a stream that the program has put there, as notebooks do
        return True


def _has_same_reader(handler: logging.Handler) -> bool:
    """Whether a reader of standard error sees what this handler writes."""
    if isinstance(handler, ConsoleHandler):
        return True
    return isinstance(handler, logging.StreamHandler) and (handler.stream is sys.stderr or is_terminal(handler.stream))
