"""Options about what is logged, and how."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from esg_core.options.log_levels import Level
from esg_core.options.option import Group, option
from esg_core.options.validators import is_access_pattern
from esg_core.options.value_types import Flag, ListOf, Number, PathOrTable, Text

LogLevel = Annotated[str | int, Level()]
LogConfig = Annotated[str | os.PathLike[str] | Mapping[str, Any] | None, PathOrTable()]
AccessPatterns = Annotated[
    Sequence[str], ListOf("[METHOD] PATH [STATUS], such as GET /health* 2xx", is_access_pattern, "PATTERN")
]

OWN_LOGGING = "default"
"""The value of `log_config` that stands for ESG's own configuration."""


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class LoggingOptions:
    """The server's log and the access log."""

    log_config: LogConfig = option(
        OWN_LOGGING,
        Group.LOGGING,
        "Logging configuration: an .ini, .json, .yaml or .toml file.",
        "Replaces ESG's own, which is `default`. A table has the schema of `logging.config.dictConfig`. In a program, "
        "None leaves logging as the program has configured it.",
    )
    log_level: LogLevel = option(
        "info",
        Group.LOGGING,
        "Lowest level that is logged.",
        "`trace` logs each connection and each ASGI message. Numbers are those of Python's `logging`.",
    )
    log_timestamps: bool = option(
        False,
        Group.LOGGING,
        "Begin each line of the log with a timestamp.",
        "UTC, in RFC 3339 format. Applies only to lines in ESG's own format.",
    )
    access_log: bool = option(True, Group.LOGGING, "Log each request.")
    access_log_format: Annotated[str, Text("default, json or a format string", metavar="FORMAT")] = option(
        "default",
        Group.LOGGING,
        "Format of the access log: default, json or a format string.",
        "`json` writes one object per line. A format string has gunicorn's atoms: `%(h)s` is the client, `%(r)s` the "
        "request line, `%(s)s` the status, `%(B)s` the bytes of the body, `%(L)s` the seconds it took, `%({name}i)s` a "
        "request header, `%({name}o)s` a response header.",
    )
    access_log_exclude: AccessPatterns = option(
        (),
        Group.LOGGING,
        "Requests to leave out of the access log. Repeatable.",
        "`[METHOD] PATH [STATUS]`, such as `/metrics` or `GET /health* 2xx`. In PATH, `*` matches any characters, "
        "slashes included, `?` one and `[abc]` one of these; the query does not count. STATUS is a number or a class.",
    )
    access_log_sample: Annotated[float, Number(0, 1, is_whole=False, metavar="SHARE")] = option(
        1.0,
        Group.LOGGING,
        "Share of the requests to log, from 0 to 1; errors always are.",
        "Errors are statuses from 400 on, and responses that the client did not get whole.",
    )
    request_id: bool = option(
        False,
        Group.LOGGING,
        "Give each request an id: logged, sent back, known to the application.",
        "A valid `x-request-id` or `traceparent` of a trusted proxy (`forwarded_allow_ips`) is kept; otherwise the id "
        "is a UUID of version 7. The application finds it in the field `x-request-id`, in "
        '`scope["extensions"]["esg.request_id"]["id"]` and in the context variable `esg.request_id`; the response '
        "sends it back as `x-request-id`.",
    )
    use_colors: Annotated[bool | None, Flag()] = option(
        None,
        Group.LOGGING,
        "Colour the log; on a terminal by default.",
        "If this is not set, the log is coloured on a terminal, unless `NO_COLOR` is set.",
    )
