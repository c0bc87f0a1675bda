"""Every family of figures, declared once: its name, what it says, its labels, and how it is merged (rules M-1 and M-2).

Knows neither where figures are kept nor how they are read. `COUNTED` families are kept by each process that serves, and
have fixed series: what clients send never makes a new one. The others are measured when somebody asks.
"""

from dataclasses import dataclass
from itertools import product

from esg_core.figures.labels import (
    BAD_REQUESTS,
    CLASSES,
    CLOSE_CODES,
    CODES,
    DROPPED_DATAGRAMS,
    DURATIONS,
    GENERATIONS,
    H2_ERRORS,
    H3_ERRORS,
    HANDSHAKE_RESULTS,
    LIFETIMES,
    METHODS,
    PROTOCOLS,
    QUIC_ERRORS,
    REFUSAL_REASONS,
)
from esg_core.figures.readings import Family, Kind


@dataclass(frozen=True, slots=True)
class Counted:
    """A family that each process keeps; `labels` are those of all its series.

    Counters and histograms are added up over all processes, former ones included; gauges over those that run. With
    `by_worker`, there is a series for each place, whose label comes first: gauges then show the greatest. What
    `is_sparse` has many series, or none at times, and shows those that are not 0.
    """

    family: Family
    labels: tuple[tuple[str, ...], ...] = ((),)
    by_worker: bool = False
    is_sparse: bool = False

    @property
    def width(self) -> int:
        """How many numbers one series takes."""
        return len(self.family.bounds) + 2 if self.family.kind is Kind.HISTOGRAM else 1


def _each(*values: str) -> tuple[tuple[str, ...], ...]:
    return tuple((value,) for value in values)


def _counter(name: str, text: str, *labels: str, unit: str = "") -> Family:
    return Family(name, Kind.COUNTER, text, labels, unit)


def _gauge(name: str, text: str, *labels: str, unit: str = "") -> Family:
    return Family(name, Kind.GAUGE, text, labels, unit)


def _histogram(name: str, text: str, *labels: str, bounds: tuple[float, ...] = DURATIONS) -> Family:
    return Family(name, Kind.HISTOGRAM, text, labels, "seconds", bounds)


REQUESTS = Counted(
    _counter("esg_http_requests", "Requests with a whole response, and handshakes.", "method", "protocol", "code"),
    tuple(product(METHODS, PROTOCOLS, CODES)),
    is_sparse=True,
)
DURATION = Counted(
    _histogram(
        "esg_http_request_duration_seconds", "From the request's head to the end of its response.", "method", "code"
    ),
    tuple(product(METHODS, CLASSES)),
    is_sparse=True,
)
IN_PROGRESS = Counted(_gauge("esg_http_requests_in_progress", "Requests that run."))
QUEUED = Counted(_gauge("esg_http_requests_queued", "Requests that wait for others to end."))
LIMIT = Counted(_gauge("esg_http_requests_limit", "How many requests may run at once."), is_sparse=True)
QUEUE = Counted(_histogram("esg_http_request_queue_seconds", "How long requests waited that had to wait."))
REFUSED = Counted(
    _counter("esg_http_requests_refused", "Requests that a limit answered: 503, 429 or 504.", "reason"),
    _each(*REFUSAL_REASONS),
)
ABORTED = Counted(_counter("esg_http_requests_aborted", "Requests that ended without their whole response."))
BAD = Counted(_counter("esg_http_bad_requests", "What clients sent that breaks HTTP.", "code"), _each(*BAD_REQUESTS))
REQUEST_BYTES = Counted(
    _counter("esg_http_request_body_bytes", "Bytes of the bodies of requests.", unit="bytes"),
)
RESPONSE_BYTES = Counted(
    _counter("esg_http_response_body_bytes", "Bytes of the bodies of whole responses.", unit="bytes"),
)
CONNECTIONS = Counted(_gauge("esg_connections", "Open connections.", "protocol"), _each("1.1", "2", "3", "websocket"))
ACCEPTED = Counted(
    _counter("esg_connections_accepted", "Connections, by the protocol they began with.", "protocol"),
    _each("1.1", "2", "3"),
)
H2_STREAMS = Counted(_gauge("esg_http2_streams", "Open streams of HTTP/2."))
H3_STREAMS = Counted(_gauge("esg_http3_streams", "Open streams of HTTP/3."))
H2_FAULTS = Counted(
    _counter("esg_http2_connection_errors", "Connections that broke HTTP/2, by the code they got.", "code"),
    _each(*H2_ERRORS),
)
H3_FAULTS = Counted(
    _counter("esg_http3_connection_errors", "Connections that broke HTTP/3 or QUIC, by the code they got.", "code"),
    _each(*H3_ERRORS.values(), *QUIC_ERRORS, "CRYPTO_ERROR", "other"),
    is_sparse=True,
)
QUIC_HANDSHAKES = Counted(_counter("esg_quic_handshakes", "QUIC handshakes.", "result"), _each(*HANDSHAKE_RESULTS))
QUIC_RETRIES = Counted(_counter("esg_quic_retries", "Clients that were asked to prove their address."))
QUIC_DROPPED = Counted(
    _counter("esg_quic_datagrams_dropped", "Datagrams that belong to no connection.", "reason"),
    _each(*DROPPED_DATAGRAMS),
)
WEBSOCKETS = Counted(_gauge("esg_websockets", "Open WebSockets."))
WS_OPENED = Counted(_counter("esg_websockets_opened", "WebSockets that were opened."))
WS_RECEIVED = Counted(_counter("esg_websockets_messages_received", "Messages of clients."))
WS_SENT = Counted(_counter("esg_websockets_messages_sent", "Messages of the application."))
WS_CLOSES = Counted(
    _counter("esg_websockets_closes", "WebSockets that were closed, by the code.", "code"), _each(*CLOSE_CODES)
)
WS_DURATION = Counted(
    _histogram("esg_websocket_duration_seconds", "How long WebSockets were open that have ended.", bounds=LIFETIMES)
)
HANDSHAKES = Counted(_counter("esg_tls_handshakes", "TLS handshakes.", "result"), _each(*HANDSHAKE_RESULTS))
BUSY = Counted(
    _counter("esg_event_loop_busy_seconds", "Time of the event loop outside its wait.", "worker", unit="seconds"),
    by_worker=True,
)
TURNS = Counted(_counter("esg_event_loop_turns", "Turns of the event loop.", "worker"), by_worker=True)
LAG = Counted(
    _gauge("esg_event_loop_lag_seconds", "How late a timer was at worst, lately.", "worker", unit="seconds"),
    by_worker=True,
)
GC_COLLECTED = Counted(
    _counter("python_gc_objects_collected", "Objects that the garbage collector freed.", "generation"),
    _each(*GENERATIONS),
)
GC_UNCOLLECTABLE = Counted(
    _counter("python_gc_objects_uncollectable", "Objects that it could not free.", "generation"), _each(*GENERATIONS)
)
GC_RUNS = Counted(
    _counter("python_gc_collections", "Runs of the garbage collector.", "generation"), _each(*GENERATIONS)
)

COUNTED = (
    *(REQUESTS, DURATION, IN_PROGRESS, QUEUED, LIMIT, QUEUE, REFUSED, ABORTED, BAD, REQUEST_BYTES, RESPONSE_BYTES),
    *(CONNECTIONS, ACCEPTED, H2_STREAMS, H2_FAULTS),
    *(H3_STREAMS, H3_FAULTS, QUIC_HANDSHAKES, QUIC_RETRIES, QUIC_DROPPED),
    *(WEBSOCKETS, WS_OPENED, WS_RECEIVED, WS_SENT, WS_CLOSES, WS_DURATION),
    *(HANDSHAKES, BUSY, TURNS, LAG, GC_COLLECTED, GC_UNCOLLECTABLE, GC_RUNS),
)
"""What each process keeps, in the order in which it is kept and shown."""

WORKER_REQUESTS = _counter("esg_worker_requests", "Requests with a whole response, and handshakes.", "worker")
"""Added up from `REQUESTS`."""

WORKERS = _gauge("esg_workers", "Processes that serve.", "state")
WORKER_STARTS = _counter("esg_worker_starts", "Workers that were started.")
WORKER_ENDS = _counter("esg_worker_ends", "Workers that have ended.", "reason")
WORKER_MEMORY = _gauge("esg_worker_resident_memory_bytes", "Memory in RAM.", "worker", unit="bytes")
HEARTBEAT_AGE = _gauge("esg_worker_heartbeat_age_seconds", "Since the last sign of life.", "worker", unit="seconds")
CERTIFICATE_EXPIRY = _gauge(
    "esg_tls_certificate_expiry_timestamp_seconds", "When a certificate expires.", "name", unit="seconds"
)
BACKLOG = _gauge("esg_listener_backlog", "Connections that wait to be accepted.", "listener")
BACKLOG_LIMIT = _gauge("esg_listener_backlog_limit", "How many may wait to be accepted.", "listener")
READY = _gauge("esg_ready", "1 while the server is ready.")
BUILD = Family("esg_build", Kind.INFO, "What runs.", ("version",))
RELOADED = _gauge(
    "esg_config_last_reload_successful", "1 if the last reload of the configuration succeeded, or there was none."
)
RELOADED_AT = _gauge(
    "esg_config_last_reload_success_timestamp_seconds",
    "When the configuration was last read without an error, since 1970.",
    unit="seconds",
)
PROCESS_CPU = _counter("process_cpu_seconds", "User and system CPU time.", unit="seconds")
PROCESS_MEMORY = _gauge("process_resident_memory_bytes", "Memory in RAM.", unit="bytes")
PROCESS_VIRTUAL = _gauge("process_virtual_memory_bytes", "Virtual memory.", unit="bytes")
PROCESS_FILES = _gauge("process_open_fds", "Open file descriptors.")
PROCESS_MOST_FILES = _gauge("process_max_fds", "How many file descriptors a process may have.")
PROCESS_START = _gauge("process_start_time_seconds", "When the first process began, since 1970.", unit="seconds")
PYTHON = Family("python", Kind.INFO, "The interpreter.", ("implementation", "major", "minor", "patchlevel", "version"))

MEASURED = (
    *(WORKER_REQUESTS, WORKERS, WORKER_STARTS, WORKER_ENDS, WORKER_MEMORY, HEARTBEAT_AGE, CERTIFICATE_EXPIRY),
    *(BACKLOG, BACKLOG_LIMIT, READY, BUILD, RELOADED, RELOADED_AT),
    *(PROCESS_CPU, PROCESS_MEMORY, PROCESS_VIRTUAL, PROCESS_FILES, PROCESS_MOST_FILES, PROCESS_START, PYTHON),
)
"""What is looked up or added up when somebody asks."""
