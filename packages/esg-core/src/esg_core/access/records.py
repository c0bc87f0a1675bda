"""Access lines as records of the standard library's logging, for users' own configurations (rule R-3).

The arguments of a record are those of uvicorn's access log, so formatters and filters written for it also work with
`esg.access`; everything else is in attributes of the record.
"""

import logging

from esg_core.access.escaping import client_text, safe_text, target_text
from esg_core.access.exchange import Exchange, LineFormat, tls_version
from esg_core.request_ids import id_in

MESSAGE = '%s - "%s %s HTTP/%s" %d'

SILENT = "%.0s" * 5
"""Formats the five arguments to nothing: the message is the line that follows, and the arguments are kept."""


def as_record(logger: logging.Logger, line_format: LineFormat, exchange: Exchange, *, timed: bool) -> logging.LogRecord:
    """The record of one request; `timed` says whether its duration is known."""
    scope = exchange.scope
    arguments = (
        client_text(scope["client"]),
        safe_text(scope["method"]),
        target_text(exchange.target),
        safe_text(scope["http_version"]),
        exchange.status,
    )
    message = MESSAGE if line_format.is_default else SILENT + _line(line_format, exchange).replace("%", "%%")
    record = logger.makeRecord(logger.name, logging.INFO, __file__, 0, message, arguments, None, "record")
    attributes = dict(
        zip(("client_addr", "method", "full_path", "http_version", "status_code"), arguments, strict=True)
    )
    for name, value in (attributes | _further(exchange, timed)).items():
        vars(record).setdefault(name, value)  # a user's record factory may use one of these names
    return record


def _line(line_format: LineFormat, exchange: Exchange) -> str:
    return line_format.line(
        exchange.scope, exchange.target, exchange.status, exchange.size, exchange.seconds, exchange.aborted
    )


def _further(exchange: Exchange, timed: bool) -> dict[str, object]:
    fields = exchange.fields
    return {
        "size": exchange.size,
        "duration_ms": round(exchange.seconds * 1000, 3) if timed else None,
        "request_id": id_in(fields),
        "referer": _text(fields.get(b"referer")),
        "user_agent": _text(fields.get(b"user-agent")),
        "tls_version": tls_version(exchange.scope),
        "aborted": exchange.aborted,
    }


def _text(value: bytes | None) -> str | None:
    return safe_text(value.decode("latin-1")) if value is not None else None
