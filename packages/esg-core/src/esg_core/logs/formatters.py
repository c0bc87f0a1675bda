"""How log records become lines: `DefaultFormatter`, `AccessFormatter` and `JSONFormatter`.

For use in a user's own logging configuration (`"()": "esg_core.logs.DefaultFormatter"`). The first two have the
parameters and fields of uvicorn's formatters, so a configuration for those is ported by changing names. None of them
changes a record, because other handlers see it too.
"""

import logging
import sys
from copy import copy
from typing import Any, Literal, TextIO

from esg_core.logs.colours import BOLD, GREEN, LEVELS, STATUS_CLASSES, Bold, Cyan, paint, uses_colours
from esg_core.logs.timestamps import rfc3339
from esg_core.statuses import PHRASES

LOGGERS = ("esg", "esg.error", "esg.access", "esg.asgi")
"""The names of ESG's loggers."""

PREFIX_WIDTH = 9
"""Columns that a level and its colon take, so that messages are aligned."""

OWN_ATTRIBUTES = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "taskName"}
"""Attributes of every record; any others come from `extra`."""

Style = Literal["%", "{", "$"]


def level_prefix(name: str, coloured: bool) -> str:
    """`INFO:    `: the level, its colon, and spaces up to the width of every prefix."""
    colour = LEVELS.get(name, "") if coloured else ""
    return f"{paint(name, colour)}:".ljust(PREFIX_WIDTH + len(paint("", colour)))


def status_text(status: int, coloured: bool = False) -> str:
    """`404 Not Found`; the number alone if the status has no name."""
    text = f"{status} {PHRASES.get(status, '')}".rstrip()
    return paint(text, STATUS_CLASSES.get(status // 100, "")) if coloured else text


def websocket_words(target: str, coloured: bool) -> tuple[str, str]:
    """What replaces request line and status for an accepted WebSocket: `WebSocket /x?y` and `[accepted]`."""
    return paint(f"WebSocket {target}", BOLD if coloured else ""), paint("[accepted]", GREEN if coloured else "")


class DefaultFormatter(logging.Formatter):
    """`LEVEL:    message`; adds fields to those of the standard library: `levelprefix`, `pid`, `timestamp`.

    `requestprefix` is `[ID] ` with the `request_id` of a record, if a `RequestIdFilter` has found one, else empty.

    If `use_colors` is None, it depends on `stream`, which should be the handler's, and is standard output by default.
    """

    default_format = "%(levelprefix)s %(message)s"

    def __init__(
        self,
        fmt: str | None = None,
        datefmt: str | None = None,
        style: Style = "%",
        use_colors: bool | None = None,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__(fmt or self.default_format, datefmt, style)
        self.coloured = uses_colours(stream or sys.stdout, use_colors)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        """The line of a record, with the fields that this formatter adds."""
        extended = copy(record)
        vars(extended).update(self.fields(record))
        if self.coloured and isinstance(record.args, tuple) and any(isinstance(one, Bold) for one in record.args):
            extended.message = record.msg % tuple(map(_painted, record.args))
        return super().formatMessage(extended)

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """The fields that a format may use in addition to those of the standard library."""
        identity = getattr(record, "request_id", None)
        return {
            "requestprefix": f"[{identity}] " if identity not in (None, "-") else "",
            "levelprefix": level_prefix(record.levelname, self.coloured),
            "pid": paint(str(record.process), Cyan.colour if self.coloured else ""),
            "timestamp": rfc3339(record.created),
        }


class AccessFormatter(DefaultFormatter):
    """The default line of the access log; has the fields `client_addr`, `request_line` and `status_code`.

    `status_code` includes the reason phrase: `200 OK`. An accepted WebSocket looks as in the default line. A record
    with other arguments than the access log's is shown as its plain message.
    """

    default_format = '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        """The line of an access record."""
        if isinstance(record.args, tuple) and len(record.args) == 5:
            return super().formatMessage(record)
        return f"{level_prefix(record.levelname, self.coloured)} {record.message}"

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """The fields of an access record."""
        assert isinstance(record.args, tuple)
        client, method, target, version, status = record.args
        assert isinstance(status, int)
        line = paint(f"{method} {target} HTTP/{version}", BOLD if self.coloured else "")
        words = line, status_text(status, self.coloured)
        if status == 101 or (method, status) == ("CONNECT", 200):
            words = websocket_words(str(target), self.coloured)
        own = {"client_addr": client, "request_line": words[0], "status_code": words[1]}
        return super().fields(record) | own | {"request_id": getattr(record, "request_id", None) or "-"}


class JSONFormatter(logging.Formatter):
    """One JSON object per line: time (RFC 3339, UTC), level, logger, message, exception, and everything in `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The object of one record; values that JSON does not support are converted to text."""
        entry = {
            "time": rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {key: value for key, value in vars(record).items() if key not in OWN_ATTRIBUTES}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            entry["stack"] = self.formatStack(record.stack_info)
        import json

        return json.dumps(entry, default=str)


def _painted(argument: object) -> object:
    return paint(argument, argument.colour) if isinstance(argument, Bold) else argument
