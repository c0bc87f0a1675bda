"""Puts the id of the request that is being served into log records (rule A-10)."""

import logging

from esg_core.request_ids import request_id

NO_REQUEST = "-"


class RequestIdFilter(logging.Filter):
    """Sets `record.request_id`, for handlers and loggers: `%(request_id)s` in a format, a key in JSON.

    `name` is that of `logging.Filter`. `default` stands for the id outside requests. A record that has its own keeps
    it: those of the access log do.
    """

    def __init__(self, name: str = "", default: str | None = NO_REQUEST) -> None:
        super().__init__(name)
        self._default = default

    def filter(self, record: logging.LogRecord) -> bool:
        """Set the attribute; whether the record is logged depends on `name` alone."""
        if getattr(record, "request_id", None) is None:
            record.request_id = request_id.get() or self._default
        return super().filter(record)
