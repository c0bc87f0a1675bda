"""The handler of ESG's own logging set-up, and whether a logger still is as ESG has left it.

Knows the `Output` that it writes to and the formatter that it was made with, nothing of requests. The access log asks
`untouched_console()` whether it may go past logging: not when anybody has changed how the logger's records are treated.
"""

import logging

from esg_core.logs.formatters import DefaultFormatter
from esg_core.logs.output import Output


class ConsoleHandler(logging.Handler):
    """Writes each record at once, after all lines that `output` still holds, so that they keep their order."""

    def __init__(self, output: Output, formatter: logging.Formatter) -> None:
        super().__init__()
        self.output = output
        self._original = formatter
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; what goes wrong is reported as handlers do: see `logging.raiseExceptions`."""
        try:
            self.output.write(self.format(record))
        except Exception:  # noqa: BLE001 - a formatter of the user's may raise anything
            self.handleError(record)

    def flush(self) -> None:
        """Write what is left."""
        self.output.flush()

    @property
    def untouched(self) -> bool:
        """Whether all records of level info pass, and look as ESG makes them."""
        return self.formatter is self._original and not self.filters and self.level <= logging.INFO

    @property
    def coloured(self) -> bool:
        """Whether its lines are coloured."""
        return isinstance(self.formatter, DefaultFormatter) and self.formatter.coloured


def untouched_console(logger: logging.Logger) -> ConsoleHandler | None:
    """The console, if it is the only place that the logger's records go to, all of them and unchanged."""
    if len(logger.handlers) != 1 or logger.filters or logger.propagate:
        return None
    handler = logger.handlers[0]
    return handler if isinstance(handler, ConsoleHandler) and handler.untouched else None
