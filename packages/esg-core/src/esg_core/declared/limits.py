"""Options that bound what clients can cost."""

from dataclasses import dataclass
from typing import Annotated

from esg_core.declared.shorthands import Bound, ByteBound, ByteLimit, Limit, Timeout
from esg_core.kinds import Whole
from esg_core.options import Group, option


@dataclass(frozen=True, kw_only=True)
class LimitOptions:
    """Limits and time-outs."""

    limit_concurrency: Limit = option(
        None,
        Group.LIMITS,
        "Connections or running requests, beyond which requests get 503.",
        "The answer carries `retry-after: 1` and `connection: close`.",
    )
    limit_max_requests: Limit = option(
        None,
        Group.LIMITS,
        "Requests after which the server stops.",
        "It drains and exits with code 0, for a supervisor to start it anew.",
    )
    limit_max_requests_jitter: Annotated[int, Whole()] = option(
        0,
        Group.LIMITS,
        "Add up to N to that limit, at random.",
        "Keeps several servers with the same `limit_max_requests` from stopping at once.",
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
    timeout_tls_handshake: Timeout = option(15.0, Group.LIMITS, "How long a TLS handshake may take.")
    timeout_graceful_shutdown: Timeout = option(
        25.0,
        Group.LIMITS,
        "How long running requests may go on after SIGTERM.",
        "Then they are cancelled, and the exit code is 1. 0 waits without end.",
    )


__all__ = ["LimitOptions"]
