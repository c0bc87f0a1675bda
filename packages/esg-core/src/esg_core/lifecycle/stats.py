"""The figures of one server, to show, log or scrape (rule A-7).

Reads what other parts count anyway; nothing runs for it between calls.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from esg_core.context import Context


def stats(context: "Context") -> dict[str, Any]:
    """All figures by name, fit for JSON. What is not measured is None; `_total` and `queue_` figures only grow.

    Times are in seconds. `inflight` counts requests that hold a slot or, without admission, the running calls of the
    application; `rejected_total` counts all that got 503 because no slot was free, including those that had waited.
    """
    return {
        **_admission(context),
        **_backpressure(context),
        "requests_total": context.requests,
        "connections": len(context.connections),
        "websockets": sum(getattr(connection, "websockets", 0) for connection in context.connections),
        "h2_streams": context.open_streams("HTTP/2"),
        "h3_streams": context.open_streams("HTTP/3"),
        "draining": context.closing,
        "uptime": context.loop.time() - context.began_at,
        "pid": os.getpid(),
    }


def _admission(context: "Context") -> dict[str, Any]:
    admission = context.admission
    if admission is None:
        figures = dict.fromkeys(("queued", "rejected_total", "queued_total", "queue_timeouts", "queue_disconnects"), 0)
        return {"limit": None, "inflight": len(context.cycles), **figures, "smoothed_latency": None, "sample_count": 0}
    return {
        "limit": admission.limit,
        "inflight": admission.in_flight,
        "queued": admission.queued,
        "rejected_total": admission.rejected,
        "queued_total": admission.queued_total,
        "queue_timeouts": admission.queue_timeouts,
        "queue_disconnects": admission.queue_disconnects,
        "smoothed_latency": admission.smoothed_latency if admission.sample_count else None,
        "sample_count": admission.sample_count,
    }


def _backpressure(context: "Context") -> dict[str, Any]:
    backpressure = context.backpressure
    if backpressure is None:
        return dict.fromkeys(("elu", "elu_source", "turn", "lag", "peak_inflight"))
    last = backpressure.last
    return {
        "elu": last.utilisation,
        "elu_source": backpressure.source,
        "turn": last.turn,
        "lag": backpressure.lag,
        "peak_inflight": last.peak,
    }
