"""What is noted of a request when it ends: its access line (rule R-3) and its figures (rule M-1).

Knows the access log and the tally, and how far the response is. What most requests need at their end is in the cycle
itself, without a call.
"""

from time import perf_counter
from typing import TYPE_CHECKING, Any

from esg_core.access.exchange import RESPONSE_FIELDS
from esg_core.asgi import Headers
from esg_core.figures.outcomes import ONLY_LOGGED, SHORT
from esg_http.call.phases import IN_BODY
from esg_http.call.request_side import RequestSide

if TYPE_CHECKING:
    from esg_core.contracts import Prepared
    from esg_core.figures.outcomes import Row


class Noting(RequestSide):
    """The base of a cycle, which sets these attributes: see `RequestSide`.

    `row` is None if the request is neither logged nor counted when it ends, and `ONLY_LOGGED` if it is not counted.
    `started_at` is by `perf_counter()`, and is set if its duration is wanted.
    """

    __slots__ = ("_prepared", "bodyless", "scope", "sent", "started_at", "status", "target")

    _prepared: "Prepared"
    bodyless: bool
    scope: dict[str, Any]
    sent: int
    started_at: float
    status: int
    target: bytes

    def _log_access(self, *, aborted: bool, seconds: float = -1.0) -> None:
        """Write the access line; `seconds` are negative if they are not known yet."""
        access = self._context.access
        if access is not None:
            if seconds < 0:
                seconds = perf_counter() - self.started_at if access.timed else 0.0
            size = 0 if self.bodyless else self.sent
            scope = self.scope
            if access.wants_fields:
                scope = {**scope, RESPONSE_FIELDS: _fields_in(self._prepared)}
            access.record(scope, self.target, self.status, size, seconds, aborted=aborted)

    def _note_end(self, row: "Row", seconds: float) -> None:
        """Count and log a request that took its time, failed, is logged anyway, or is the first of its status."""
        tally = self._context.tally
        outcome = row[self.status]
        if seconds < SHORT and self.status < 500:
            outcome.new_durations.append(seconds)
            outcome.new_sizes.append(self.sent)
        elif tally is not None:
            outcome.longer_sent += self.sent
            tally.has_ended(outcome, self.scope, self.target, self.status, seconds)
        self._log_access(aborted=False, seconds=seconds)

    def _note_break(self, reason: str) -> None:
        """Log and count that there will be no whole response, once."""
        row, self.row = self.row, None
        has_begun = self._phase >= IN_BODY
        tally = self._context.tally
        if tally is not None and row is not ONLY_LOGGED:
            status = self.status if has_begun else 0
            tally.has_broken_off(self.scope, self.target, status, perf_counter() - self.started_at, reason)
        if has_begun:
            self._log_access(aborted=True)

    def count_as(self, protocol: str) -> None:
        """The request is of this version of HTTP, not that of its connection."""
        self.scope["http_version"] = protocol
        if self._context.tally is not None and self.row is not None:
            self.row = self._context.tally.rows[protocol][self.scope["method"]]

    def _note_switch(self, row: "Row", headers: Headers) -> bool:
        """Log and count that a protocol has taken over; returns whether it is logged."""
        access = self._context.access
        if row is not ONLY_LOGGED:
            row[self.status].handshakes += 1
        if access is None:
            return False
        began = self.started_at if access.timed else perf_counter()
        scope = {**self.scope, RESPONSE_FIELDS: headers} if access.wants_fields else self.scope
        return access.record_websocket(scope, self.target, self.status, perf_counter() - began)


def _fields_in(prepared: "Prepared") -> Headers:
    """The fields in encoded lines."""
    return [(name, value) for name, _, value in (line.partition(b": ") for line in prepared[0].split(b"\r\n")[:-1])]
