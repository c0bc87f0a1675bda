"""Gives the workers a directory for the metrics of their application, where the user has not.

Knows the configuration and the environment. `prometheus_client` itself is never imported here.
"""

import importlib.util
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING

from esg_core.app.loading import read_variables
from esg_core.errors import StartupError, reason_of

if TYPE_CHECKING:
    from esg_core.options.config import Config

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
SPELLINGS = (VARIABLE, VARIABLE.lower())
"""The second one is deprecated, but still obeyed."""


@contextmanager
def metrics_directory(config: "Config") -> Iterator[Callable[[int], None]]:
    """Set `PROMETHEUS_MULTIPROC_DIR` to a new directory meanwhile, if that is wanted and it is unset.

    Gives what has to be called with the process ID of each worker that has ended. Raises `StartupError` if the option
    `prometheus_multiproc` is `on`, and there can be no directory; `UsageError` for a bad `env_file`.
    """
    base = _made(config) if _is_wanted(config) else None
    if base is None:
        yield _ignore
        return
    from pathlib import Path
    from shutil import rmtree

    from esg_core.prometheus.directory import ValueDirectory

    try:
        directory = ValueDirectory(Path(base))
        os.environ[VARIABLE] = str(directory.path)
        logging.getLogger("esg.error").debug("%s=%s", VARIABLE, directory.path)
        yield directory.ended
    finally:
        os.environ.pop(VARIABLE, None)
        rmtree(base, ignore_errors=True)


def _is_wanted(config: "Config") -> bool:
    if config.prometheus_multiproc == "off" or any(name in os.environ for name in SPELLINGS):
        return False
    if config.prometheus_multiproc == "auto":
        several = (config.workers or 1) > 1
        if not several or importlib.util.find_spec("prometheus_client") is None:
            return False
    return not any(name in _variables_of_file(config) for name in SPELLINGS)


def _variables_of_file(config: "Config") -> dict[str, str | None]:
    """The variables of `env_file`, which workers set only later."""
    text = read_variables(config)
    if text is None:
        return {}
    from dotenv import dotenv_values

    return dotenv_values(stream=StringIO(text))


def _made(config: "Config") -> str | None:
    """A new directory that only this user can enter; None if there can be none, and it was not asked for."""
    from tempfile import mkdtemp

    try:
        return mkdtemp(prefix="esg-metrics-")
    except OSError as error:
        text = f"no temporary directory for the metrics of the application: {reason_of(error)}"
        if config.prometheus_multiproc == "on":
            raise StartupError(f"{config.with_value('prometheus_multiproc')}: {text}") from None
        logging.getLogger("esg.error").warning("Each worker counts for itself: %s", text)
        return None


def _ignore(_pid: int) -> None:
    """Nothing is kept of ended workers."""
