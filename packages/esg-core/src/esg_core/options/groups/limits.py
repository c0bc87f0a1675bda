"""Options that bound what clients can cost."""

from dataclasses import dataclass
from typing import Annotated

from esg_core.options.groups.shorthands import Bound, ByteBound, ByteLimit, Limit, Timeout
from esg_core.options.option import Group, option
from esg_core.options.value_types import Fraction, Integer, Seconds


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class LimitOptions:
    """Limits and time-outs."""

    limit_concurrency: Limit = option(
        None,
        Group.LIMITS,
        "Connections or running requests, beyond which requests get 503.",
        "The answer carries `retry-after: 1` and `connection: close`.",
    )
    limit_concurrent_requests: Limit = option(
        None,
        Group.LIMITS,
        "Requests that may run at once, beyond which others get 503.",
        "Streams of HTTP/2 count as requests; health endpoints and open WebSockets do not. The answer carries "
        "`retry-after: 1`, and the connection stays. With `backpressure` this is the ceiling of its limit.",
    )
    limit_max_requests: Limit = option(
        None,
        Group.LIMITS,
        "Requests after which a server stops, or a worker is replaced.",
        "A server of one process drains and exits with code 0, for a supervisor to start it anew. A worker serves on "
        "until another one is ready.",
    )
    limit_max_requests_jitter: Annotated[int, Integer()] = option(
        0,
        Group.LIMITS,
        "Add up to N to that limit, at random.",
        "Keeps workers, or servers, with the same `limit_max_requests` from stopping at once.",
    )
    limit_keepalive_requests: Limit = option(None, Group.LIMITS, "Requests after which a connection is closed.")
    limit_request_line: ByteBound = option(
        16384, Group.LIMITS, "Bytes of a request line; longer ones get 414.", "Cannot be switched off."
    )
    limit_request_headers: Bound = option(
        128, Group.LIMITS, "Header fields of a request; more get 431.", "Cannot be switched off."
    )
    limit_request_header_size: ByteBound = option(
        65536, Group.LIMITS, "Bytes of all header fields; more get 431.", "Cannot be switched off."
    )
    limit_request_body: ByteLimit = option(None, Group.LIMITS, "Bytes of a request body; larger ones get 413.")
    timeout_keep_alive: Timeout = option(
        5.0,
        Group.LIMITS,
        "How long an idle connection is kept for the next request.",
        "Behind a load balancer it must be longer than the balancer's own: see `preset`.",
    )
    timeout_request_headers: Timeout = option(
        15.0,
        Group.LIMITS,
        "How long the headers of a request may take.",
        "From the first byte, for the first request of a connection from accepting it. Then 408.",
    )
    timeout_request: Timeout = option(
        300.0,
        Group.LIMITS,
        "How long a request, its body included, may take.",
        "To the end of its body; does not run while ESG itself has paused reading. Then 408.",
    )
    timeout_write: Timeout = option(
        60.0,
        Group.LIMITS,
        "How long a client may leave a response unread.",
        "A response that makes no progress for so long is aborted.",
    )
    timeout_write_rate: Annotated[int, Integer(0)] = option(
        240,
        Group.LIMITS,
        "Bytes a second that a client must read of a response.",
        "Averaged over `timeout-write`, so a client may pause and be slow, but not keep a response alive by a byte now"
        " and then. The slowest mobile networks carry ten times the default. 0 sets no rate.",
        metavar="BYTES",
    )
    timeout_tls_handshake: Timeout = option(15.0, Group.LIMITS, "How long a TLS handshake may take.")
    timeout_graceful_shutdown: Timeout = option(
        25.0,
        Group.LIMITS,
        "How long running requests may go on after SIGTERM.",
        "Then they are cancelled, and the exit code is 1. 0 waits without end.",
    )
    backpressure: bool = option(
        False,
        Group.LIMITS,
        "Let the limit of running requests follow the load.",
        "It falls while the event loop is busier than `backpressure_elu_max` and rises again afterwards; requests "
        "beyond it wait a while, or get 503 with `retry-after: 1`.",
    )
    backpressure_initial_limit: Annotated[int | None, Integer(1)] = option(
        None,
        Group.LIMITS,
        "Requests that may run at once at first; the most by default.",
        "A low one lets a new server warm up. It is kept between the least and the most.",
    )
    backpressure_min_limit: Bound = option(1, Group.LIMITS, "Requests that may run at once at the least.")
    backpressure_max_limit: Bound = option(
        1000,
        Group.LIMITS,
        "Requests that may run at once at the most.",
        "Nothing is refused before half as many run at once, however busy the loop is: choose what the application "
        "can have open, not more.",
    )
    backpressure_elu_max: Annotated[float, Fraction()] = option(
        0.95,
        Group.LIMITS,
        "Share of its time that the event loop may be busy.",
        "All that is not waiting for events counts, blocking calls too. From this share on the limit falls; over it, "
        "requests do not wait but get 503 at once.",
    )
    backpressure_sample_window: Annotated[float, Seconds(can_be_off=False, minimum=0.05)] = option(
        1.0, Group.LIMITS, "How long to watch the loop before the limit is moved."
    )
    backpressure_smoothing: Annotated[float, Fraction()] = option(
        0.2,
        Group.LIMITS,
        "Weight of the latest request in the smoothed latency.",
        "That is a figure of the statistics; it decides about nothing.",
    )
    backpressure_queue_size: Annotated[int, Integer()] = option(
        100, Group.LIMITS, "Requests that may wait until others are done."
    )
    backpressure_queue_timeout: Timeout = option(5.0, Group.LIMITS, "How long a request may wait; then it gets 503.")
