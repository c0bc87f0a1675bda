"""What is counted, as the documents of the admin address show it: see `esg_core.admin.contracts`."""

from typing import TypedDict


class Totals(TypedDict):
    """All processes together, former ones included in what only grows."""

    requests_total: int
    errors_total: int
    """Responses with a status of 500 or more."""
    aborted_total: int
    refused_total: dict[str, int]
    """By reason."""
    running: int
    queued: int
    limit: int | None
    connections: int
    websockets: int
    h2_streams: int
    h3_streams: int
    memory: int
    latency_bounds: list[float]
    latency_counts: list[int]
    """Requests by duration, all methods and statuses: not cumulative, one more than there are bounds."""


class CountedStats(TypedDict):
    """What the processes at one place have counted; `busy_seconds_total` and `lag` are in seconds."""

    requests_total: int
    running: int
    queued: int
    connections: int
    websockets: int
    busy_seconds_total: float
    lag: float


class ToldRequest(TypedDict):
    """What is told of a request, whether it runs or has ended."""

    method: str
    path: str
    """Without the query."""
    protocol: str
    client: str
    id: str
