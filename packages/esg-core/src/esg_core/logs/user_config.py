"""Applies a user's own logging configuration: the option `log_config`.

A table, or a file in JSON, YAML or TOML, has the schema of `logging.config.dictConfig`; a file with any other extension
has the format of `logging.config.fileConfig`. Existing loggers stay enabled unless the table says otherwise, and ESG's
own always do: a configuration that does not name them must not silence the errors of the application.

What was read can be applied again, even if the file has changed since.
"""

import contextlib
import json
import logging
import os
import tomllib
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, RawConfigParser
from pathlib import Path
from typing import Any

from esg_core.errors import UsageError, reason_of
from esg_core.installing import how_to_install
from esg_core.logs.formatters import LOGGERS

LogConfig = str | os.PathLike[str] | Mapping[str, Any]


def read(given: LogConfig, where: str = "log_config") -> Mapping[str, Any]:
    """The contents of a file as `apply()` takes them; a table is returned as it is. Raises `UsageError`."""
    with _explained(where):
        return given if isinstance(given, Mapping) else _contents(Path(given))


def apply(given: LogConfig, where: str = "log_config") -> None:
    """Configure logging; raises `UsageError` that says `where` the error is, and what is wrong.

    Closes what the former handlers had open.
    """
    table = read(given, where)
    with _explained(where):
        _apply(table)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.disabled = False
        for handler in _handlers(logger):
            _keep_errors(handler)


def _handlers(logger: logging.Logger) -> Iterator[logging.Handler]:
    """The handlers that get the records of a logger."""
    while True:
        yield from logger.handlers
        if logger.parent is None or not logger.propagate:
            return
        logger = logger.parent


def _keep_errors(handler: logging.Handler) -> None:
    """Make a handler report its errors: one whose file cannot be reopened raises out of the log call."""
    emit = handler.emit

    def emit_and_report(record: logging.LogRecord) -> None:
        try:
            emit(record)
        except Exception:  # noqa: BLE001 - a handler may raise anything
            handler.handleError(record)

    if "emit" not in vars(handler):
        vars(handler)["emit"] = emit_and_report


@contextlib.contextmanager
def _explained(where: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a configuration may name any class, which may raise anything
        raise UsageError(f"{where}: {_said(error)}") from None


def _apply(table: Mapping[str, Any]) -> None:
    import logging.config  # slow, and needed only with a configuration

    if isinstance(table, RawConfigParser):
        logging.config.fileConfig(table, disable_existing_loggers=False)
    else:
        logging.config.dictConfig(_gently(table))


def _contents(path: Path) -> Mapping[str, Any]:
    data = path.read_bytes()
    table = _table(path, data)
    if table is None:
        table = ConfigParser()
        table.read_string(data.decode(), str(path))
    return _mapping(table)


def _table(path: Path, data: bytes) -> Any:
    """The contents of a file as a table; None for the format of `fileConfig`."""
    match path.suffix.lower():
        case ".json":
            return json.loads(data)
        case ".toml":
            return tomllib.loads(data.decode())
        case ".yaml" | ".yml":
            return _yaml(data)
        case _:
            return None


def _yaml(data: bytes) -> Any:
    try:
        import yaml
    except ImportError:
        raise UsageError(f"YAML needs a package: {how_to_install('PyYAML')}") from None
    return yaml.safe_load(data)


def _mapping(table: Any) -> Mapping[str, Any]:
    if not isinstance(table, Mapping):
        raise TypeError(f"must be a table for logging.config.dictConfig, not {type(table).__name__}")
    return table


def _gently(table: Mapping[str, Any]) -> dict[str, Any]:
    _check_names(table)
    return {"disable_existing_loggers": False, **table}


def _check_names(table: Mapping[str, Any]) -> None:
    """A configuration made for uvicorn would leave ESG's records nowhere to go (rule U-8)."""
    loggers = table.get("loggers")
    names = set(loggers) if isinstance(loggers, Mapping) else set()
    theirs = sorted(str(name) for name in names if str(name).partition(".")[0] == "uvicorn")
    root = table.get("root")
    if theirs and names.isdisjoint(LOGGERS) and not (isinstance(root, Mapping) and root.get("handlers")):
        raise ValueError(f"configures {', '.join(theirs)} but none of ESG's loggers, which are {', '.join(LOGGERS)}")


def _said(error: BaseException) -> str:
    """The error and its cause in one line: logging hides the reason in the cause."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = reason_of(error)
    elif isinstance(error, KeyError):
        text = f"{text} is missing"
    cause = error.__cause__
    return f"{text}: {_said(cause)}" if cause is not None else text
