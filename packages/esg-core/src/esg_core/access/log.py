"""The access log of one server: `AccessLog.record()` is called once for each response.

Knows the loop, for its one timer, and logging; the other modules of this package format the lines.

As long as `esg.access` goes where ESG has sent it, lines are formatted without a `LogRecord` and collected; they are
written together, at most `DELAY` seconds after the first, and before any record that ESG itself logs. Otherwise, each
request becomes an ordinary record. The first line after each write decides which: changes that an application makes
during start-up, or later, apply from then on.
"""

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from esg_core.access.exchange import NO_REQUEST, NO_TARGET, Exchange, LineFormat, ScopeLike, repaired
from esg_core.access.formats import line_format
from esg_core.access.records import as_record
from esg_core.access.selection import Selection
from esg_core.logs.console import untouched_console
from esg_core.logs.output import Output

if TYPE_CHECKING:
    from esg_core.options.config import Config

DELAY = 0.1
"""Seconds that a line may wait for others; on a terminal, it does not wait."""

BATCH = 65536
"""Characters that are collected before they are written at once."""

LOGGER = "esg.access"


class AccessLog:
    """Logs requests in one format; created with `create()`, after `esg_core.logs.configure()`.

    `timed` says whether `record()` needs the duration: if not, callers need not read the clock. `wants_fields` says
    whether scopes need the fields of the response, under `RESPONSE_FIELDS`. Neither ever changes. All methods belong to
    the loop's thread.
    """

    __slots__ = (
        "_batch",
        "_format",
        "_has_failed",
        "_line",
        "_logger",
        "_loop",
        "_output",
        "_room",
        "_timer",
        "timed",
        "wants_fields",
    )

    def __init__(self, logger: logging.Logger, line_format: LineFormat, loop: asyncio.AbstractEventLoop) -> None:
        self.timed = line_format.timed or untouched_console(logger) is None
        self.wants_fields = line_format.wants_fields
        self._format = line_format
        self._line = line_format.line
        self._logger = logger
        self._loop = loop
        self._output: Output | None = None
        self._batch: list[str] = []
        self._room = 0
        self._timer: asyncio.TimerHandle | None = None
        self._has_failed = False

    @classmethod
    def create(cls, config: "Config", loop: asyncio.AbstractEventLoop) -> "AccessLog | None":
        """The access log that the options ask for; None if they turn it off.

        Raises `UsageError` for a format that cannot be parsed. A user's own logging configuration gets durations only
        if it is in force by now, so call this at the end of the application's start-up.
        """
        if not config.access_log:
            return None
        logger = logging.getLogger(LOGGER)
        console = untouched_console(logger)
        coloured = console is not None and console.coloured
        form = line_format(config.access_log_format, coloured, timestamps=config.log_timestamps, ids=config.request_id)
        if not config.access_log_exclude and config.access_log_sample == 1:
            return cls(logger, form, loop)
        from random import Random  # slow to import

        selection = Selection(config.access_log_exclude, config.access_log_sample, Random().random)  # noqa: S311 - a sample
        return SelectiveAccessLog(selection, logger, form, loop)

    def record(
        self, scope: ScopeLike | None, target: bytes, status: int, size: int, seconds: float, *, aborted: bool = False
    ) -> None:
        """Log one response, when it has ended. Never raises.

        `scope` is that of the request, or the part of it that is known (see `ScopeLike`), or None. `size` is how many
        bytes of the body were sent; `seconds` matters only if `timed`. `aborted`: the client has not received it all.
        """
        if scope is None:
            scope, target = NO_REQUEST, target or NO_TARGET
        if self._timer is None and not self._open_batch():
            self._log(Exchange(scope, target, status, size, seconds, aborted))
            return
        try:
            line = self._line(scope, target, status, size, seconds, aborted)
        except Exception:  # noqa: BLE001 - the application can do anything to its scope
            line = self._line(repaired(scope), target, status, size, seconds, aborted)
        self._batch.append(line)
        self._room -= len(line)
        if self._room < 0:
            self.flush()

    def record_websocket(self, scope: ScopeLike, target: bytes, status: int, seconds: float) -> bool:
        """Log that a WebSocket was accepted, by a response with this status; returns whether it is logged.

        Never raises.
        """
        if self._format.accepted is None or (self._timer is None and not self._open_batch()):
            AccessLog.record(self, scope, target, status, 0, seconds)  # what a subclass leaves out does not come here
        else:
            self._batch.append(self._format.accepted(scope, target, status, 0, seconds, False))
        return True

    def tell(self, event: str, client: object) -> None:
        """Log an event of a WebSocket other than its handshake: only in the default format, to `esg.error`."""
        if self._format.is_default:
            logging.getLogger("esg.error").info("%s - %s", client, event)

    def record_unreadable(self, client: tuple[str, int] | None, status: int, size: int) -> None:
        """Log the answer to a request that could not be parsed. Never raises."""
        self.record({**NO_REQUEST, "client": client}, NO_TARGET, status, size, 0.0)

    def flush(self) -> None:
        """Write the collected lines, as far as possible without waiting. Never raises."""
        self._room = BATCH
        if self._output is not None:
            self._output.push()

    def _open_batch(self) -> bool:
        """Decide how the next lines are logged; returns whether they are collected."""
        console = untouched_console(self._logger)
        if console is None or not self._logger.isEnabledFor(logging.INFO):
            return False
        self._output = console.output
        self._batch = self._output.batch
        self._room = BATCH
        self._timer = self._loop.call_later(0 if self._output.is_terminal else DELAY, self._close_batch)
        return True

    def _close_batch(self) -> None:
        self._timer = None
        self.flush()

    def _log(self, exchange: Exchange) -> None:
        """Log one response as a record, or not at all if the level forbids it."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        try:
            self._logger.handle(self._as_record(exchange))
        except Exception:
            if not self._has_failed:
                self._has_failed = True
                logging.getLogger("esg.error").exception("the logging configuration of esg.access fails; reported once")

    def _as_record(self, exchange: Exchange) -> logging.LogRecord:
        try:
            return as_record(self._logger, self._format, exchange, timed=self.timed)
        except Exception:  # noqa: BLE001 - as above
            sound = replace(exchange, scope=repaired(exchange.scope))
            return as_record(self._logger, self._format, sound, timed=self.timed)


class SelectiveAccessLog(AccessLog):
    """Logs what a selection keeps, and makes no line of the rest (rule A-9)."""

    __slots__ = ("_selection",)

    def __init__(
        self, selection: Selection, logger: logging.Logger, line_format: LineFormat, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(logger, line_format, loop)
        self._selection = selection

    def record(
        self, scope: ScopeLike | None, target: bytes, status: int, size: int, seconds: float, *, aborted: bool = False
    ) -> None:
        if self._keeps(scope or NO_REQUEST, target, status, aborted=aborted):
            super().record(scope, target, status, size, seconds, aborted=aborted)

    def record_websocket(self, scope: ScopeLike, target: bytes, status: int, seconds: float) -> bool:
        return self._keeps(scope, target, status) and super().record_websocket(scope, target, status, seconds)

    def _keeps(self, scope: ScopeLike, target: bytes, status: int, *, aborted: bool = False) -> bool:
        try:
            return self._selection.keeps(scope, target, status, aborted)
        except Exception:  # noqa: BLE001 - the application can do anything to its scope
            return self._selection.keeps(repaired(scope), target, status, aborted)
