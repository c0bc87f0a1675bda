"""Options that limit what clients can cost."""

from dataclasses import dataclass
from math import inf
from typing import Annotated

from esg_core.options.groups.shorthands import Bound, ByteBound, ByteLimit, Count, Fraction, Grace, Limit, Timeout
from esg_core.options.option import Group, option
from esg_core.options.value_types import Number


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class LimitOptions:
    """Limits and time-outs."""

    limit_concurrency: Limit = option(
        inf,
        Group.LIMITS,
        "Connections or running requests above which requests get 503.",
        "The response has `retry-after: 1` and `connection: close`.",
    )
    limit_concurrent_requests: Limit = option(
        inf,
        Group.LIMITS,
        "Requests that may run at once; further ones get 503.",
        "HTTP/2 streams count as requests; health endpoints and open WebSockets do not. The response has "
        "`retry-after: 1`, and the connection stays open. With `backpressure`, this caps the adaptive limit.",
    )
    limit_connections_per_client: Limit = option(
        inf,
        Group.LIMITS,
        "Connections of one client; requests on further ones get 429.",
        "By address, after the PROXY protocol; in IPv6, a /64 network is one client. Behind a trusted proxy, the "
        "connections that carry requests of the client count, whether they run or wait for a slot. The response has "
        "`retry-after: 1`, and ends a client's own connection, but not a proxy's. "
        "UNIX sockets do not count, nor does a proxy that names no client.",
    )
    limit_websockets: Limit = option(
        inf,
        Group.LIMITS,
        "WebSockets that may be open at once; further handshakes get 503.",
        "Per process, including handshakes that the application has not answered yet. The response has "
        "`retry-after: 1`.",
    )
    limit_max_requests: Limit = option(
        inf,
        Group.LIMITS,
        "Requests after which the server stops or a worker is replaced.",
        "A single-process server drains and exits with code 0, so that a supervisor restarts it. A worker keeps "
        "serving until its replacement is ready.",
    )
    limit_max_requests_jitter: Count = option(
        0,
        Group.LIMITS,
        "Add a random number up to N to limit-max-requests.",
        "Keeps workers or servers with the same `limit_max_requests` from stopping at the same time.",
    )
    limit_keepalive_requests: Limit = option(inf, Group.LIMITS, "Requests after which a connection is closed.")
    limit_request_line: ByteBound = option(
        16384, Group.LIMITS, "Bytes of a request line; a longer one gets 414.", "Cannot be switched off."
    )
    limit_request_headers: Bound = option(
        128, Group.LIMITS, "Header fields of a request; more get 431.", "Cannot be switched off."
    )
    limit_request_header_size: ByteBound = option(
        65536, Group.LIMITS, "Bytes of all header fields together; more get 431.", "Cannot be switched off."
    )
    limit_request_body: ByteLimit = option(inf, Group.LIMITS, "Bytes of a request body; a larger one gets 413.")
    timeout_keep_alive: Timeout = option(
        5.0,
        Group.LIMITS,
        "How long an idle connection is kept open.",
        "Behind a load balancer, it must be longer than the balancer's own idle time-out: see `preset`.",
    )
    timeout_request_headers: Timeout = option(
        15.0,
        Group.LIMITS,
        "How long the headers of a request may take to arrive.",
        "Counted from the first byte; for the first request, from accepting the connection. A slower one gets 408.",
    )
    timeout_request: Timeout = option(
        300.0,
        Group.LIMITS,
        "How long a request may take to arrive, including its body.",
        "The clock stops while ESG itself has paused reading. A slower request gets 408.",
    )
    timeout_response: Timeout = option(
        inf,
        Group.LIMITS,
        "How long the application may take to begin its response.",
        "Counted from the head of the request to `http.response.start`, so the time of an upload counts, but not that "
        "in the line of `backpressure`. Then the call is cancelled, and the client gets 504. Of a WebSocket, the "
        "handshake counts. [Late responses](../deployment.md#late-responses-and-clients-that-leave) has the details.",
    )
    timeout_disconnected: Grace = option(
        None,
        Group.LIMITS,
        "How long a call may go on when its client has left.",
        "Then it is cancelled; with 0 at once. By default, it runs to its end. What several calls await together needs "
        "`asyncio.shield()`, or it is cancelled with the first of them.",
    )
    timeout_write: Timeout = option(
        60.0,
        Group.LIMITS,
        "How long a client may leave a response unread.",
        "A response that makes no progress for this long is aborted.",
    )
    timeout_write_rate: Count = option(
        240,
        Group.LIMITS,
        "Bytes per second that a client must read of a response.",
        "Averaged over `timeout_write`: a client may pause and may be slow, but cannot keep a response alive with a "
        "byte now and then. The slowest mobile networks reach ten times the default. 0 sets no minimum.",
        metavar="BYTES",
    )
    timeout_tls_handshake: Timeout = option(15.0, Group.LIMITS, "How long a TLS handshake may take.")
    timeout_graceful_shutdown: Timeout = option(
        25.0,
        Group.LIMITS,
        "How long running requests may continue after SIGTERM.",
        "Then they are cancelled, and the exit code is 1. 0 waits forever.",
    )
    backpressure: bool = option(
        False,
        Group.LIMITS,
        "Adapt the limit of running requests to the load.",
        "The limit falls while the event loop is busier than `backpressure_elu_max` and rises again afterwards; "
        "requests beyond it wait briefly, or get 503 with `retry-after: 1`.",
    )
    backpressure_initial_limit: Annotated[int | None, Number(1)] = option(
        None,
        Group.LIMITS,
        "Initial limit of running requests; the highest by default.",
        "A low one lets a new server warm up. Values outside `backpressure_min_limit` and `backpressure_max_limit` "
        "are clamped.",
    )
    backpressure_min_limit: Bound = option(1, Group.LIMITS, "Lowest limit of running requests.")
    backpressure_max_limit: Bound = option(
        1000,
        Group.LIMITS,
        "Highest limit of running requests.",
        "Nothing is refused until half as many are running, however busy the loop is: choose what the application can "
        "handle at once, not more.",
    )
    backpressure_elu_max: Fraction = option(
        0.95,
        Group.LIMITS,
        "Fraction of the time that the event loop may be busy.",
        "Everything but waiting for events counts, including blocking calls. At this fraction the limit begins to "
        "fall; above it, requests do not wait but get 503 at once.",
    )
    backpressure_sample_window: Annotated[float, Number(0.05, unit="seconds", is_whole=False, metavar="SECONDS")] = (
        option(1.0, Group.LIMITS, "How long to measure the loop before the limit is adjusted.")
    )
    backpressure_smoothing: Fraction = option(
        0.2,
        Group.LIMITS,
        "Weight of the latest request in the smoothed latency.",
        "For the statistics only; no decision depends on it.",
    )
    backpressure_queue_size: Count = option(100, Group.LIMITS, "Requests that may wait for others to finish.")
    backpressure_queue_timeout: Timeout = option(5.0, Group.LIMITS, "How long a request may wait before it gets 503.")
