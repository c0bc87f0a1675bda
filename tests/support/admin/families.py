"""The families that a server shows, and the names of their samples as Prometheus has them."""

from collections.abc import Mapping
from functools import cache

from esg_core.figures.readings import Family, Kind

BY_WORKER = ("worker",)


def _family(name: str, kind: Kind, *labels: str) -> Family:
    return Family(name, kind, "", labels)


FAMILIES = (
    _family("esg_http_requests", Kind.COUNTER, "method", "protocol", "code"),
    _family("esg_http_request_duration_seconds", Kind.HISTOGRAM, "method", "code"),
    _family("esg_http_requests_in_progress", Kind.GAUGE),
    _family("esg_http_requests_queued", Kind.GAUGE),
    _family("esg_http_requests_limit", Kind.GAUGE),
    _family("esg_http_request_queue_seconds", Kind.HISTOGRAM),
    _family("esg_http_requests_refused", Kind.COUNTER, "reason"),
    _family("esg_http_requests_aborted", Kind.COUNTER),
    _family("esg_http_bad_requests", Kind.COUNTER, "code"),
    _family("esg_http_request_body_bytes", Kind.COUNTER),
    _family("esg_http_response_body_bytes", Kind.COUNTER),
    _family("esg_connections", Kind.GAUGE, "protocol"),
    _family("esg_connections_accepted", Kind.COUNTER, "protocol"),
    _family("esg_http2_streams", Kind.GAUGE),
    _family("esg_http2_connection_errors", Kind.COUNTER, "code"),
    _family("esg_websockets", Kind.GAUGE),
    _family("esg_websockets_opened", Kind.COUNTER),
    _family("esg_websockets_messages_received", Kind.COUNTER),
    _family("esg_websockets_messages_sent", Kind.COUNTER),
    _family("esg_websockets_closes", Kind.COUNTER, "code"),
    _family("esg_websocket_duration_seconds", Kind.HISTOGRAM),
    _family("esg_tls_handshakes", Kind.COUNTER, "result"),
    _family("esg_tls_certificate_expiry_timestamp_seconds", Kind.GAUGE, "name"),
    _family("esg_event_loop_busy_seconds", Kind.COUNTER, *BY_WORKER),
    _family("esg_event_loop_turns", Kind.COUNTER, *BY_WORKER),
    _family("esg_event_loop_lag_seconds", Kind.GAUGE, *BY_WORKER),
    _family("esg_workers", Kind.GAUGE, "state"),
    _family("esg_worker_starts", Kind.COUNTER),
    _family("esg_worker_ends", Kind.COUNTER, "reason"),
    _family("esg_worker_requests", Kind.COUNTER, *BY_WORKER),
    _family("esg_worker_resident_memory_bytes", Kind.GAUGE, *BY_WORKER),
    _family("esg_worker_heartbeat_age_seconds", Kind.GAUGE, *BY_WORKER),
    _family("esg_listener_backlog", Kind.GAUGE, "listener"),
    _family("esg_listener_backlog_limit", Kind.GAUGE, "listener"),
    _family("esg_ready", Kind.GAUGE),
    _family("esg_build", Kind.INFO, "version"),
    _family("esg_config_last_reload_success_timestamp_seconds", Kind.GAUGE),
    _family("process_cpu_seconds", Kind.COUNTER),
    _family("process_resident_memory_bytes", Kind.GAUGE),
    _family("process_virtual_memory_bytes", Kind.GAUGE),
    _family("process_open_fds", Kind.GAUGE),
    _family("process_max_fds", Kind.GAUGE),
    _family("process_start_time_seconds", Kind.GAUGE),
    _family("python_gc_objects_collected", Kind.COUNTER, "generation"),
    _family("python_gc_objects_uncollectable", Kind.COUNTER, "generation"),
    _family("python_gc_collections", Kind.COUNTER, "generation"),
    _family("python", Kind.INFO, "implementation", "version"),
)

_SUFFIXES = {
    Kind.COUNTER: ("_total",),
    Kind.GAUGE: ("",),
    Kind.HISTOGRAM: ("_bucket", "_sum", "_count"),
    Kind.INFO: ("_info",),
}


@cache
def sample_names() -> Mapping[str, tuple[str, ...]]:
    """The labels of each name under which `/metrics` shows samples."""
    return {family.name + suffix: family.labels for family in FAMILIES for suffix in _SUFFIXES[family.kind]}
