"""What is noted of a request when it ends: its access line (rule R-3) and its figures (rule M-1).

Knows the access log and the tally, and how far the response is. What most requests need at their end is in the cycle
itself, without a call.
"""

from time import perf_counter
from typing import TYPE_CHECKING, Any

from esg_core.figures.outcomes import SHORT
from esg_http.call.phases import IN_BODY
from esg_http.call.request_side import RequestSide

if TYPE_CHECKING:
    from esg_core.figures.outcomes import Outcome


class Noting(RequestSide):
    """The base of a cycle, which sets these attributes: see `RequestSide`.

    `noted` says whether the request is logged or counted when it ends; `row` is None if it is only logged. `started_at`
    is by `perf_counter()`, and is set if its duration is wanted.
    """

    __slots__ = ("bodyless", "scope", "sent", "started_at", "status", "target")

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
            access.record(self.scope, self.target, self.status, size, seconds, aborted=aborted)

    def _note_end(self, outcome: "Outcome", seconds: float) -> None:
        """Count and log a request that took its time, failed, or is logged anyway."""
        tally = self._context.tally
        if seconds < SHORT and self.status < 500:
            outcome.short += 1
        elif tally is not None:
            tally.has_ended(outcome, self.scope, self.target, self.status, seconds)
        self._log_access(aborted=False, seconds=seconds)

    def _note_break(self, reason: str) -> None:
        """Log and count that there will be no whole response, once."""
        self.noted = False
        has_begun = self._phase >= IN_BODY
        tally = self._context.tally
        if tally is not None and self.row is not None:
            status = self.status if has_begun else 0
            tally.has_broken_off(self.scope, self.target, status, perf_counter() - self.started_at, reason)
        if has_begun:
            self._log_access(aborted=True)

    def count_as(self, protocol: str) -> None:
        """The request is of this version of HTTP, not that of its connection."""
        self.scope["http_version"] = protocol
        if self._context.tally is not None and self.noted:
            self.row = self._context.tally.rows[protocol][self.scope["method"]]

    def _note_switch(self) -> None:
        access = self._context.access
        if self.row is not None:
            self.row[self.status].handshakes += 1
        if access is not None:
            began = self.started_at if access.timed else perf_counter()
            access.record_websocket(self.scope, self.target, self.status, perf_counter() - began)
