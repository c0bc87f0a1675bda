"""What the documents of `/stats` say together: rates, quantiles, shares, as `page/figures.js` has them.

Documents in, numbers out: knows neither clocks nor how anything is shown. One table of cases holds for both languages.
"""

from collections.abc import Callable, Iterable, Sequence

from esg_core.admin.contracts import Stats, WorkerStats

POINTS = 120
"""Documents that are kept."""

RATE_SPAN = 5
LATENCY_SPAN = 10
REFUSED_SPAN = 60
"""Seconds that rates, quantiles and recent refusals are taken from."""


class Documents:
    """The last documents of one server; another server starts them again."""

    def __init__(self) -> None:
        self.kept: list[Stats] = []

    def add(self, stats: Stats) -> None:
        """Take the next document."""
        if self.kept and _server(self.last) != _server(stats):
            self.kept.clear()
        self.kept.append(stats)
        del self.kept[:-POINTS]

    @property
    def last(self) -> Stats:
        """The newest document; there must be one."""
        return self.kept[-1]

    def before(self, seconds: float) -> Stats:
        """The document from `seconds` before the last one, or else the first after that; the last only if alone."""
        since = self.last["uptime"] - seconds - 0.5
        earlier = self.kept[:-1]
        return next((stats for stats in earlier if stats["uptime"] > since), earlier[-1] if earlier else self.last)

    def rate(self, counter: Callable[[Stats], float], seconds: float = RATE_SPAN) -> float | None:
        """By how much a counter grew each second; None without a span to tell it from."""
        then = self.before(seconds)
        return _per_second(counter(self.last) - counter(then), self.last["uptime"] - then["uptime"])

    def worker_rate(self, worker: WorkerStats, counter: Callable[[WorkerStats], float]) -> float | None:
        """The same for a worker of the last document, as long as it is the same process."""
        recent = self.kept[-RATE_SPAN - 1 :]
        stats, then = next((stats, then) for stats in recent if (then := _same(stats, worker)) is not None)
        return _per_second(counter(worker) - counter(then), self.last["uptime"] - stats["uptime"])

    def busy_share(self, worker: WorkerStats) -> float | None:
        """The share of the time in which the event loop of a worker was busy."""
        share = self.worker_rate(worker, lambda then: then["busy_seconds_total"])
        return None if share is None else min(1.0, share)

    def quantiles(self, shares: Iterable[float]) -> list[float | None]:
        """The quantiles of the durations since `LATENCY_SPAN` seconds ago, in seconds; None where nothing ended."""
        totals = self.last["totals"]
        before = self.before(LATENCY_SPAN)["totals"]["latency_counts"]
        then = [*before, *[0] * len(totals["latency_counts"])]
        counts = [max(0, count - then[at]) for at, count in enumerate(totals["latency_counts"])]
        return [quantile(share, totals["latency_bounds"], counts) for share in shares]

    def refused(self) -> list[tuple[str, int, int]]:
        """Reason, count of the last `REFUSED_SPAN` seconds, count of all; the most frequent reason first."""
        ever = self.last["totals"]["refused_total"]
        then = self.before(REFUSED_SPAN)["totals"]["refused_total"]
        reasons = sorted((reason for reason in ever if ever[reason] > 0), key=lambda reason: -ever[reason])
        return [(reason, max(0, ever[reason] - then.get(reason, 0)), ever[reason]) for reason in reasons]


def quantile(share: float, bounds: Sequence[float], counts: Sequence[float]) -> float | None:
    """As Prometheus' `histogram_quantile()`; None without observations.

    Those in a bucket count as evenly spread; the greatest bound stands for all beyond it.
    """
    missing = share * sum(counts)
    if missing == 0:
        return None
    for at, bound in enumerate(bounds):
        if missing <= counts[at]:
            lower = bounds[at - 1] if at else 0
            return lower + (bound - lower) * missing / counts[at]
        missing -= counts[at]
    return bounds[-1] if bounds else None


def _per_second(growth: float, span: float) -> float | None:
    return max(0, growth) / span if span > 0 else None


def _server(stats: Stats) -> tuple[int, float]:
    return stats["pid"], stats["started_at"]


def _same(stats: Stats, worker: WorkerStats) -> WorkerStats | None:
    """The worker in another document; None if it was another process there."""
    wanted = worker["worker"], worker["pid"]
    return next((one for one in stats["workers"] if (one["worker"], one["pid"]) == wanted), None)
