"""The handler of ESG's own logging set-up, and whether a logger is still as ESG has set it up.

Knows the `Output` that it writes to and the formatter that it was created with, nothing of requests. The access log
asks `untouched_console()` whether it may bypass logging: it may not if the handling of the logger's records has been
changed.
"""

import logging

from esg_core.logs.formatters import DefaultFormatter
from esg_core.logs.output import Output


class ConsoleHandler(logging.Handler):
    """Writes each record at once, after all lines that `output` still holds, so that their order is kept."""

    def __init__(self, output: Output, formatter: logging.Formatter) -> None:
        super().__init__()
        self.output = output
        self._original = formatter
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; errors are reported as by any handler: `logging.raiseExceptions` decides."""
        try:
            self.output.write(self.format(record))
        except Exception:  # noqa: BLE001 - a formatter of the user's may raise anything
            self.handleError(record)

    def flush(self) -> None:
        """Write what is left."""
        self.output.flush()

    @property
    def untouched(self) -> bool:
        """Whether all records of level info pass, in ESG's own format."""
        return self.formatter is self._original and not self.filters and self.level <= logging.INFO

    @property
    def coloured(self) -> bool:
        """Whether its lines are coloured."""
        return isinstance(self.formatter, DefaultFormatter) and self.formatter.coloured


def untouched_console(logger: logging.Logger) -> ConsoleHandler | None:
    """The console, if all of the logger's records go there, unchanged, and nowhere else."""
    if len(logger.handlers) != 1 or logger.filters or logger.propagate:
        return None
    handler = logger.handlers[0]
    return handler if isinstance(handler, ConsoleHandler) and handler.untouched else None
