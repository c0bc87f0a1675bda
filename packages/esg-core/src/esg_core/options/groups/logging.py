"""Options about what is logged, and how."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from esg_core.options.log_levels import Level
from esg_core.options.option import Group, option
from esg_core.options.value_types import Flag, PathOrTable, Text

LogLevel = Annotated[str | int, Level()]
LogConfig = Annotated[str | os.PathLike[str] | Mapping[str, Any] | None, PathOrTable()]

OWN_LOGGING = "default"
"""The value of `log_config` that stands for ESG's own set-up."""


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class LoggingOptions:
    """The server's log and the access log."""

    log_config: LogConfig = option(
        OWN_LOGGING,
        Group.LOGGING,
        "Logging configuration: a file .ini, .json, .yaml or .toml.",
        "Takes the place of ESG's own, which is `default`. A table is what `logging.config.dictConfig` takes. In a "
        "program, None leaves logging as the program has set it up.",
    )
    log_level: LogLevel = option(
        "info",
        Group.LOGGING,
        "Least level that is logged.",
        "`trace` shows each connection and each ASGI message. A number is one of Python's `logging`.",
    )
    log_timestamps: bool = option(
        False,
        Group.LOGGING,
        "Begin each line of the log with the time.",
        "In UTC, as RFC 3339 writes it. Counts for the lines whose format is ESG's own.",
    )
    access_log: bool = option(True, Group.LOGGING, "Log each request.")
    access_log_format: Annotated[str, Text("default, json or a format string", metavar="FORMAT")] = option(
        "default",
        Group.LOGGING,
        "Format of the access log: default, json, or a text with atoms.",
        "`json` is one object a line. Atoms are those of gunicorn: `%(h)s` the client, `%(r)s` the request line, "
        "`%(s)s` the status, `%(B)s` the bytes of the body, `%(L)s` the seconds it took, `%({name}i)s` a header.",
    )
    use_colors: Annotated[bool | None, Flag()] = option(
        None,
        Group.LOGGING,
        "Colour the log; on a terminal by default.",
        "When it is not set, colours are used on a terminal unless `NO_COLOR` is set.",
    )
