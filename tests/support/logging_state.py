"""Logging is global to the process: a test has to restore what it changes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from esg_core.logs import setup
from esg_core.logs.colours import Preference

NAMES = (None, "esg", "esg.error", "esg.access")


@dataclass(frozen=True)
class State:
    """The state of one logger that can be changed."""

    logger: logging.Logger
    handlers: list[logging.Handler]
    filters: list[object]
    level: int
    propagate: bool
    disabled: bool

    @classmethod
    def of(cls, logger: logging.Logger) -> "State":
        return cls(
            logger,
            logger.handlers.copy(),
            list(logger.filters),
            logger.level,
            logger.propagate,
            logger.disabled,
        )

    def restore(self) -> None:
        self.logger.handlers[:] = self.handlers
        self.logger.filters[:] = self.filters  # type: ignore[assignment]
        self.logger.setLevel(self.level)
        self.logger.propagate = self.propagate
        self.logger.disabled = self.disabled


@contextmanager
def untouched_logging() -> Iterator[None]:
    """ESG's loggers in their unconfigured state; afterwards everything is restored."""
    states = [State.of(logging.getLogger(name)) for name in NAMES]
    output, preference = setup._Console.output, Preference.use_colors
    for name in NAMES[1:]:
        State(logging.getLogger(name), [], [], logging.NOTSET, propagate=True, disabled=False).restore()
    setup._Console.output, Preference.use_colors = None, None
    setup._given.clear()
    try:
        yield
    finally:
        for state in states:
            state.restore()
        setup._Console.output, Preference.use_colors = output, preference
