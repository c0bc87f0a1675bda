"""The tally of one process: all that it counts (rule M-1), and how it is laid out for others (rule M-2).

Knows the context, whose connections and calls it looks at when asked, and no protocol. It is counted by the loop's
thread; any thread may ask.
"""

import gc
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from esg_core.figures import families, labels
from esg_core.figures.ended import EndedRecord, ended_record, id_of
from esg_core.figures.exemplars import Exemplars
from esg_core.figures.families import Counted
from esg_core.figures.lag import WorstLag
from esg_core.figures.layout import EXEMPLARS_AT, SLOTS, beginning, positions
from esg_core.figures.outcomes import FOLD_EVERY, Distribution, Outcome, Row, empty_rows
from esg_core.figures.readings import Exemplar

if TYPE_CHECKING:
    from esg_core.access.exchange import ScopeLike
    from esg_core.figures.contracts import ServerFigures, TotalsMeter

ENDED = 64
"""How many requests that were slow, failed or were aborted are remembered."""

_BODILESS = (204, 304)

_PROTOCOL_NAMES = {"HTTP/1.1": "1.1", "HTTP/2": "2", "HTTP/3": "3", "WebSocket": "websocket"}

_REQUESTS = positions(families.REQUESTS)
_DURATIONS = positions(families.DURATION)


class Tally:
    """What one process counts, in `Context.tally`.

    `rows` are the requests by protocol and method, to which each adds itself. `slow_request` is from how many seconds
    on a request is slow: `inf` for never. `ended` has the last that were slow, failed or were aborted. Series by label:
    `refusals` (the admission counts its own), `bad`, `accepted`, `h2_faults`, `ws_closes`.
    """

    def __init__(self, loop_meter: "TotalsMeter", context: "ServerFigures", slow_request: float = 1.0) -> None:
        self._meter = loop_meter
        self._context = context
        self.slow_request = slow_request
        self.rows = empty_rows(lambda: context.access is not None)
        self.ended: deque[EndedRecord] = deque(maxlen=ENDED)
        self.on_activity: Callable[[], None] | None = None
        self._is_quiet = False
        self._exemplars = Exemplars()
        self._events = 0
        self._busy, self._turns = 0.0, 0
        self._lag = WorstLag()
        self.refusals = dict.fromkeys(labels.LIMIT_REASONS, 0)
        self.aborted = 0
        self.ws_opened = self.ws_received = self.ws_sent = 0
        self.bad: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.h2_faults: Counter[str] = Counter()
        self.ws_closes: Counter[str] = Counter()
        self.ws_duration = Distribution(labels.LIFETIMES)
        self._queue = Distribution(labels.DURATIONS)
        self._folding = threading.Lock()
        self._fold_at = 0
        if context.admission is not None:
            context.admission.on_waited = self._queue.observe

    # What happens.

    def has_begun(self, requests: int) -> int:
        """So many requests have begun; returns at how many to call this again, so that lists stay short."""
        if requests >= self._fold_at:
            self._fold()
            self._fold_at = requests + FOLD_EVERY
        return self._fold_at

    def has_ended(self, outcome: Outcome, scope: "ScopeLike", target: bytes, status: int, seconds: float) -> None:
        """Count a request that took its time, or failed."""
        bucket = outcome.count(seconds)
        if seconds >= self.slow_request:
            self._record(scope, target, status, seconds, "slow")
            self._exemplify(scope, status, seconds, bucket)
        elif status >= 500:
            self._record(scope, target, status, seconds, "failed")
        self.has_happened()

    def has_broken_off(self, scope: "ScopeLike", target: bytes, status: int, seconds: float, reason: str) -> None:
        """Count a request that has no whole response; `status` is 0 if it has none at all."""
        self.aborted += 1
        self._record(scope, target, status, seconds, reason)
        self.has_happened()

    def has_accepted(self, protocol: str) -> None:
        """Count a connection, by the protocol that it begins with."""
        self.accepted[protocol] += 1
        self.has_happened()

    def has_bad_request(self, status: int) -> None:
        """Count what a client has sent that breaks HTTP; it may be answered without having begun as a request."""
        self._fold()
        self.bad[str(status)] += 1
        self.has_happened()

    def has_h2_fault(self, code: int) -> None:
        """Count a connection that ends with a GOAWAY of this code."""
        self.h2_faults[labels.H2_ERRORS[code]] += 1
        self.has_happened()

    def has_message(self) -> None:
        """Count a message that a WebSocket has received."""
        self.ws_received += 1
        if self._is_quiet:
            self.has_happened()

    def has_sent_message(self) -> None:
        """Count a message that is sent to a WebSocket."""
        self.ws_sent += 1
        if self._is_quiet:
            self.has_happened()

    def has_closed(self, code: int) -> None:
        """Count a WebSocket that ends with this code."""
        self.ws_closes[str(code)] += 1
        self.has_happened()

    def _record(self, scope: "ScopeLike", target: bytes, status: int, seconds: float, reason: str) -> None:
        self.ended.append(ended_record(scope, target, status, seconds, reason, time.time()))

    def _exemplify(self, scope: "ScopeLike", status: int, seconds: float, bucket: int) -> None:
        identity = id_of(scope)
        if identity:
            method = str(scope.get("method"))
            series = (method if method in labels.METHODS else labels.OTHER, _class_of(status))
            number = families.DURATION.labels.index(series)
            self._exemplars.keep((number, bucket), Exemplar(identity, seconds, time.time()))

    # The loop, and when to publish.

    @property
    def activity(self) -> int:
        """Changes with whatever begins or is counted."""
        return self._context.requests + self._events + self.ws_received + self.ws_sent

    def await_activity(self) -> None:
        """Call `on_activity` when something begins or is counted."""
        self._is_quiet = True
        self._context.call_at_next_start(self.has_happened)

    def has_happened(self) -> None:
        """Something is counted that is not counted by `Context.requests`."""
        self._events += 1
        if self._is_quiet:
            self._is_quiet = False
            if self.on_activity is not None:
                self.on_activity()

    def sample(self) -> None:
        """Look how busy the loop has been; belongs to its thread."""
        busy, turns = self._meter.totals()
        self._busy, self._turns = max(self._busy, busy), max(self._turns, turns)

    def has_lag(self, seconds: float) -> None:
        """A timer was so late."""
        self._lag.note(seconds, time.monotonic())

    # For others.

    def values(self) -> list[float]:
        """All counted figures, in the order of `layout.SLOTS`; any thread may ask."""
        self._fold()
        values = [0.0] * len(SLOTS)
        for protocol, rows in self.rows.items():
            for method, row in list(rows.items()):
                _put_row(values, protocol, method, row)
        for counted, number in self._numbers():
            values[beginning(counted)] = number
        for counted, numbers in self._by_label():
            _put_by_label(values, counted, numbers)
        for counted, distribution in ((families.QUEUE, self._queue), (families.WS_DURATION, self.ws_duration)):
            start = beginning(counted)
            values[start : start + counted.width] = [*distribution.counts, distribution.total]
        values[EXEMPLARS_AT:] = self._exemplars.numbers()
        return values

    def _fold(self) -> None:
        """Add up what requests have left; any thread may do so."""
        rows = [row for rows in self.rows.values() for row in list(rows.values())]
        outcomes = [outcome for row in rows for outcome in list(row.values())]
        with self._folding:
            for outcome in outcomes:
                if outcome.new_sizes:
                    outcome.fold()

    def _numbers(self) -> Iterable[tuple[Counted, float]]:
        context, admission = self._context, self._context.admission
        connections = _by_protocol(context)
        websockets = connections["websocket"]
        running = max(0, len(context.cycles) - websockets) if admission is None else admission.in_flight
        yield families.IN_PROGRESS, running
        yield families.QUEUED, 0 if admission is None else admission.queued
        yield families.LIMIT, 0 if admission is None else admission.limit
        yield families.ABORTED, self.aborted
        yield families.H2_STREAMS, context.open_streams("HTTP/2") if connections["2"] else 0
        yield families.H3_STREAMS, context.open_streams("HTTP/3") if connections["3"] else 0
        yield families.QUIC_RETRIES, 0 if context.quic is None else context.quic.retries
        yield families.WEBSOCKETS, websockets
        yield families.WS_OPENED, self.ws_opened
        yield families.WS_RECEIVED, self.ws_received
        yield families.WS_SENT, self.ws_sent
        yield families.BUSY, self._busy
        yield families.TURNS, self._turns
        yield families.LAG, self._lag.worst(time.monotonic())
        rows = [(method, row) for rows in self.rows.values() for method, row in list(rows.items())]
        yield families.REQUEST_BYTES, sum(row.received for _, row in rows)
        yield families.RESPONSE_BYTES, sum(_sent(method, row) for method, row in rows)

    def _by_label(self) -> Iterable[tuple[Counted, Mapping[str, float]]]:
        context, admission = self._context, self._context.admission
        refused = {} if admission is None else admission.refused
        yield families.REFUSED, {**refused, **self.refusals}
        yield families.BAD, self.bad.copy()
        yield families.CONNECTIONS, _by_protocol(context)
        yield families.ACCEPTED, self.accepted.copy()
        yield families.H2_FAULTS, self.h2_faults.copy()
        yield families.WS_CLOSES, self.ws_closes.copy()
        yield families.HANDSHAKES, context.handshakes
        if context.quic is not None:
            yield families.H3_FAULTS, context.quic.faults.copy()
            yield families.QUIC_HANDSHAKES, context.quic.handshakes
            yield families.QUIC_DROPPED, context.quic.dropped
        generations = gc.get_stats() if sys.implementation.name == "cpython" else ()  # PyPy's has no generations
        for counted, what in _COLLECTOR:
            yield counted, {str(number): found[what] for number, found in enumerate(generations)}


_COLLECTOR = (
    (families.GC_COLLECTED, "collected"),
    (families.GC_UNCOLLECTABLE, "uncollectable"),
    (families.GC_RUNS, "collections"),
)


def _class_of(status: int) -> str:
    return f"{status // 100}xx" if 200 <= status < 600 else "other"


def _put_row(values: list[float], protocol: str, method: str, row: Row) -> None:
    for status, outcome in list(row.items()):
        longer = list(outcome.longer or ())
        code = str(status)
        at = _REQUESTS.get((method, protocol, code))
        at = _REQUESTS[method, protocol, "other"] if at is None else at
        short = outcome.short
        values[at] += short + sum(longer) + outcome.handshakes
        if status == labels.SWITCHING:
            continue
        at = _DURATIONS[method, _class_of(status)]
        values[at] += short
        for number, count in enumerate(longer):
            values[at + number] += count
        values[at + families.DURATION.width - 1] += outcome.short_seconds + outcome.longer_seconds


def _put_by_label(values: list[float], counted: Counted, numbers: Mapping[str, float]) -> None:
    """Put numbers where their label belongs; those without a series are others, if there is one for them."""
    known = positions(counted)
    others = known.get(("other",))
    for label, number in numbers.items():
        at = known.get((label,), others)
        if at is not None:
            values[at] += number


def _sent(method: str, row: Row) -> int:
    """The bytes of the bodies; what must have none may have announced one."""
    if method == "HEAD":
        return 0
    return sum(
        outcome.short_sent + outcome.longer_sent for status, outcome in list(row.items()) if status not in _BODILESS
    )


def _by_protocol(context: "ServerFigures") -> Counter[str]:
    """How many connections speak what, without a call for each."""
    found: Counter[str] = Counter()
    for kind, number in Counter(map(type, list(context.connections))).items():
        found[_PROTOCOL_NAMES.get(getattr(kind, "protocol_name", ""), "")] += number
    return found
