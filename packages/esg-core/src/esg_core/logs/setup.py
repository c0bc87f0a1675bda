"""Sets up logging for a server process: the only code of ESG that changes the logging of the whole process.

Knows the options of logging and the loggers' names, nothing of requests. Without `log_config`, the loggers `esg` (and
with it `esg.error`) and `esg.access` get a handler each, both writing to one `Output` on standard output. A logger that
already has handlers is left alone: the application has configured it.
"""

import atexit
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from esg_core.errors import UsageError
from esg_core.logs.colours import Preference, uses_colours
from esg_core.logs.console import ConsoleHandler
from esg_core.logs.formatters import LOGGERS, AccessFormatter, DefaultFormatter
from esg_core.logs.output import Output
from esg_core.logs.request_ids import RequestIdFilter
from esg_core.options.groups.logging import OWN_LOGGING
from esg_core.options.log_levels import TRACE, level_number

if TYPE_CHECKING:
    from esg_core.options.config import Config

DEFAULT_LEVEL = "info"

EXIT_PATIENCE = 1.0
"""Seconds that the process waits at its end for a reader of standard output."""


class _Console:
    """The output that this process uses now, and whether the exit hooks are installed."""

    output: Output | None = None
    hooked = False


_given: set[logging.Handler] = set()
"""The handlers of ESG's loggers that come from `log_config`."""


def configure(config: "Config", *, is_one_of_many: bool = False) -> None:
    """Set up logging as the options say. Raises `UsageError` for a `log_config` that cannot be used.

    May be called again: it replaces what ESG set up before. In ESG's own format, lines of a process that
    `is_one_of_many` contain its process ID, except for the access log.
    """
    logging.addLevelName(TRACE, "TRACE")
    Preference.use_colors = config.use_colors
    _remove_own_handlers()
    level = level_number(config.log_level)
    if config.log_config == OWN_LOGGING:
        _add_own_handlers(config, is_one_of_many)
        logging.getLogger("esg").setLevel(level)
        return
    if config.log_config is not None:
        from esg_core.logs.user_config import apply

        theirs = set(_handlers())
        apply(config.log_config, _where(config))
        _given.update(set(_handlers()) - theirs)
    if config.log_level != DEFAULT_LEVEL:
        for name in LOGGERS:
            logging.getLogger(name).setLevel(level)


def reconfigure(config: "Config", former: "Config") -> None:
    """Configure again; if that fails, restore the former logging, or else ESG's own, and raise."""
    try:
        configure(config)
    except UsageError:
        try:
            configure(former)
        except UsageError:
            configure(replace(former, log_config=OWN_LOGGING))
        raise


def with_table(config: "Config") -> "Config":
    """The same options, with the contents of the `log_config` file instead of its path. Raises `UsageError`."""
    if config.log_config in (None, OWN_LOGGING):
        return config
    from esg_core.logs.user_config import read

    return replace(config, log_config=read(config.log_config, _where(config)))


def _where(config: "Config") -> str:
    """What errors in the configuration refer to."""
    is_table = isinstance(config.log_config, Mapping)
    return config.spell("log_config") if is_table else config.with_value("log_config")


def flush(wait: float = EXIT_PATIENCE) -> None:
    """Write what ESG's own log still holds, waiting at most `wait` seconds for a reader of standard output.

    Never raises. A normal exit does this; call it before an exit that skips the exit handlers (`os._exit`).
    """
    if _Console.output is not None:
        _Console.output.flush(wait)


def _add_own_handlers(config: "Config", is_one_of_many: bool) -> None:
    if sys.stdout is None:
        return
    output = _Console.output = Output(sys.stdout)
    coloured = uses_colours(sys.stdout)
    time = "%(timestamp)s " if config.log_timestamps else ""
    process_id = "[%(pid)s] " if is_one_of_many else ""
    identity = "%(requestprefix)s" if config.request_id else ""
    text = f"{time}%(levelprefix)s {process_id}{identity}%(message)s"
    console = ConsoleHandler(output, DefaultFormatter(text, use_colors=coloured))
    if config.request_id:
        console.addFilter(RequestIdFilter())
    _attach("esg", console)
    access = logging.Formatter("%(message)s")
    if config.access_log_format == "default":
        identity = " [%(request_id)s]" if config.request_id else ""
        access = AccessFormatter(time + AccessFormatter.default_format + identity, use_colors=coloured)
    _attach("esg.access", ConsoleHandler(output, access))
    if not _Console.hooked:
        _hook_ends()


def _attach(name: str, handler: ConsoleHandler) -> None:
    logger = logging.getLogger(name)
    if not logger.handlers:
        logger.addHandler(handler)
        logger.propagate = False


def _remove_own_handlers() -> None:
    flush()
    for name in LOGGERS:
        logger = logging.getLogger(name)
        for handler in [one for one in logger.handlers if isinstance(one, ConsoleHandler) or one in _given]:
            logger.removeHandler(handler)
            logger.propagate = True
    _given.clear()


def _handlers() -> Iterator[logging.Handler]:
    for name in LOGGERS:
        yield from logging.getLogger(name).handlers


def _hook_ends() -> None:
    """Write the last lines at exit, and drop the parent's lines in a forked child."""
    _Console.hooked = True
    atexit.register(flush)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    if _Console.output is not None:
        _Console.output.after_fork()
