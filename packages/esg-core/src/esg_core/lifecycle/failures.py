"""Says why a server cannot start (rules L-1, C-1)."""

import logging

from esg_core.app.tracebacks import application_traceback
from esg_core.errors import StartupError, UsageError


def report(error: UsageError | StartupError) -> int:
    """Log what is wrong; returns the exit code."""
    logging.getLogger("esg.error").error("%s", explanation(error))
    return error.exit_code


def explanation(error: UsageError | StartupError) -> str:
    """What is wrong, with the application's own traceback if that is where it failed."""
    return str(error) if error.__cause__ is None else f"{error}\n{application_traceback(error.__cause__)}"


__all__ = ["explanation", "report"]
