"""What `esg top` shows, as text: the lines above, and a table of workers.

Documents in, text out: knows neither terminals nor the library that draws.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import NamedTuple

from esg_admin.terminal.figures import LATENCY_SPAN, REFUSED_SPAN, Documents
from esg_admin.terminal.writing import age, duration, per_second, percent, plain, printable, size
from esg_core.admin.contracts import Stats, WorkerStats

SHARES = (0.5, 0.9, 0.99)

DETAILS = 54
"""The width that a list of details is wrapped at: what 80 columns leave for it."""


class Line(NamedTuple):
    """A heading, its main figure, and what else belongs to it."""

    heading: str
    figure: str
    details: str


class Column(NamedTuple):
    """A column of the table of workers; one that is `extra` is left out where the terminal is narrow."""

    heading: str
    cells: Sequence[str]
    extra: bool = False


def title(stats: Stats) -> tuple[str, bool]:
    """Version, state, age and process of the server, and whether it is ready."""
    is_well = stats["is_ready"] and not stats["is_draining"]
    state = "draining" if stats["is_draining"] else "ready" if stats["is_ready"] else "not ready"
    return f"ESG {printable(stats['version'])}  {state}  up {age(stats['uptime'])}  process {stats['pid']}", is_well


def lines(documents: Documents) -> list[Line]:
    """The figures of all processes together."""
    totals = documents.last["totals"]
    errors = documents.rate(lambda then: then["totals"]["errors_total"])
    aborted = documents.rate(lambda then: then["totals"]["aborted_total"])
    in_all = f"{plain(totals['requests_total'])} in all"
    latency = [duration(value) for value in documents.quantiles(SHARES)]
    of_limit = "" if totals["limit"] is None else f"of {plain(totals['limit'])}, "
    streams = f"{plain(totals['h2_streams'])} HTTP/2 streams, {plain(totals['h3_streams'])} HTTP/3 streams"
    return [
        Line(
            "Requests",
            per_second(documents.rate(lambda then: then["totals"]["requests_total"])),
            f"{per_second(errors)} failed, {per_second(aborted)} aborted, {in_all}",
        ),
        Line("Latency", f"p50 {latency[0]}", f"p90 {latency[1]}, p99 {latency[2]} (of the last {LATENCY_SPAN} s)"),
        Line("Running", plain(totals["running"]), f"{of_limit}{plain(totals['queued'])} queued"),
        _loops(documents),
        Line("Memory", size(totals["memory"]), _in_workers(documents.last["workers"])),
        Line("Connections", plain(totals["connections"]), f"{plain(totals['websockets'])} WebSockets, {streams}"),
        *_refused(documents),
    ]


def columns(documents: Documents) -> list[Column]:
    """The workers, one a row."""
    workers = documents.last["workers"]
    rates = [documents.worker_rate(worker, lambda then: then["requests_total"]) for worker in workers]
    return [
        Column("worker", [str(worker["worker"]) for worker in workers]),
        Column("state", [printable(worker["state"]) for worker in workers]),
        Column("requests", [per_second(rate) for rate in rates]),
        Column("busy", [percent(documents.busy_share(worker)) for worker in workers]),
        Column("lag", [duration(worker["lag"]) for worker in workers]),
        Column("running", [plain(worker["running"]) for worker in workers]),
        Column("queued", [plain(worker["queued"]) for worker in workers]),
        Column("memory", [size(worker["memory"]) for worker in workers]),
        Column("conns", [plain(worker["connections"]) for worker in workers], extra=True),
        Column("ws", [plain(worker["websockets"]) for worker in workers], extra=True),
        Column("heartbeat", [duration(worker["heartbeat_age"]) for worker in workers], extra=True),
        Column("age", [" ".join(age(worker["age"]).split()[:2]) for worker in workers]),  # one unit is enough here
        Column("pid", [str(worker["pid"]) for worker in workers]),
    ]


def _loops(documents: Documents) -> Line:
    """The mean of the event loops, and the one that is worst off."""
    workers = documents.last["workers"]
    shares = [share for share in map(documents.busy_share, workers) if share is not None]
    mean = sum(shares) / len(shares) if shares else None
    busiest = f"busiest {percent(max(shares))}, " if len(shares) > 1 else ""
    lag = max((worker["lag"] or 0 for worker in workers), default=None)  # None too: JSON has no NaN
    return Line("Loop busy", percent(mean), f"{busiest}lag {duration(lag)}")


def _refused(documents: Documents) -> list[Line]:
    """By reason: how many of late, and in all."""
    reasons = documents.refused()
    parts = [f"{printable(reason).replace('_', ' ')} {plain(late)} ({plain(ever)})" for reason, late, ever in reasons]
    details = wrap(", ".join(parts), DETAILS) or [""]
    late = sum(late for _, late, _ in reasons)
    first = Line("Refused", plain(late), f"in {REFUSED_SPAN} s (in all)" if parts else "")
    return [first, *(Line("", "", line) for line in details if line)]


def _in_workers(workers: Sequence[WorkerStats]) -> str:
    return f"in {len(workers)} workers" if len(workers) > 1 else ""
