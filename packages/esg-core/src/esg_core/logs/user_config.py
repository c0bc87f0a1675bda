"""Applies a user's own logging configuration: the option `log_config`.

A table, or a file in JSON, YAML or TOML, is what `logging.config.dictConfig` takes; a file with any other ending is
what `logging.config.fileConfig` takes. Existing loggers stay enabled unless the table says otherwise, and ESG's own
always do: a configuration that does not name them must not silence the errors of the application.
"""

import json
import logging
import os
import tomllib
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

from esg_core.errors import UsageError
from esg_core.logs.names import LOGGERS

LogConfig = str | os.PathLike[str] | Mapping[str, Any]


def apply(given: LogConfig) -> None:
    """Configure logging; raises `UsageError` that says what is wrong with it."""
    where = "log-config" if isinstance(given, Mapping) else f"log-config {os.fspath(given)}"
    try:
        _apply(given)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - a configuration may name any class, which may raise anything
        raise UsageError(f"{where}: {_said(error)}") from None
    for name in LOGGERS:
        logging.getLogger(name).disabled = False


def _apply(given: LogConfig) -> None:
    import logging.config  # slow, and of no use without a configuration

    if isinstance(given, RawConfigParser):
        logging.config.fileConfig(given, disable_existing_loggers=False)
        return
    if isinstance(given, Mapping):
        logging.config.dictConfig(_gently(given))
        return
    path = Path(given)
    data = path.read_bytes()
    table = _table(path, data)
    if table is not None:
        logging.config.dictConfig(_gently(table))
    else:
        logging.config.fileConfig(path, disable_existing_loggers=False, encoding="utf-8")


def _table(path: Path, data: bytes) -> Any:
    """The contents of a file as a table; None for the format of `fileConfig`."""
    match path.suffix.lower():
        case ".json":
            return json.loads(data)
        case ".toml":
            return tomllib.loads(data.decode())
        case ".yaml" | ".yml":
            return _yaml(path, data)
        case _:
            return None


def _yaml(path: Path, data: bytes) -> Any:
    try:
        import yaml
    except ImportError:
        raise UsageError(f"log-config {path}: YAML needs PyYAML: pip install PyYAML") from None
    return yaml.safe_load(data)


def _gently(table: Any) -> dict[str, Any]:
    if not isinstance(table, Mapping):
        raise TypeError(f"must be a table as logging.config.dictConfig takes it, not {type(table).__name__}")
    _check_names(table)
    return {"disable_existing_loggers": False, **table}


def _check_names(table: Mapping[str, Any]) -> None:
    """A configuration made for uvicorn would leave ESG's records nowhere to go (rule U-8)."""
    loggers = table.get("loggers")
    names = set(loggers) if isinstance(loggers, Mapping) else set()
    theirs = sorted(str(name) for name in names if str(name).partition(".")[0] == "uvicorn")
    root = table.get("root")
    if theirs and names.isdisjoint(LOGGERS) and not (isinstance(root, Mapping) and root.get("handlers")):
        raise ValueError(f"sets up {', '.join(theirs)} and none of ESG's loggers, which are {', '.join(LOGGERS)}")


def _said(error: BaseException) -> str:
    """The error and what caused it, in one line: logging hides the reason in the cause."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    elif isinstance(error, KeyError):
        text = f"{text} is missing"
    cause = error.__cause__
    return f"{text}: {_said(cause)}" if cause is not None else text


__all__ = ["LogConfig", "apply"]
