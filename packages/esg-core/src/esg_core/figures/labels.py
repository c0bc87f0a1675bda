"""The values that labels have, and the bounds of buckets: what is counted is fixed (rule M-1)."""

from esg_core.statuses import PHRASES

OTHER = "_OTHER"
"""The label of methods that are not known."""

METHODS = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE", OTHER)
PROTOCOLS = ("1.0", "1.1", "2", "3")

SWITCHING = 101
CODES = (str(SWITCHING), *(str(code) for code in sorted(PHRASES) if code >= 200), "other")
CLASSES = ("2xx", "3xx", "4xx", "5xx", "other")

DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120)
LIFETIMES = (1, 5, 15, 60, 300, 900, 3600, 14400, 86400)
"""Bounds for what may stay open all day."""

ADMISSION_REASONS = ("limit", "queue_full", "queue_timeout", "saturated", "draining")
LIMIT_REASONS = ("concurrency", "client", "websockets", "response_timeout")
REFUSAL_REASONS = (*ADMISSION_REASONS, *LIMIT_REASONS)
END_REASONS = ("asked", "requests", "lifetime", "memory", "blocked", "crashed")
WORKER_STATES = ("starting", "ready", "draining")

BAD_REQUESTS = ("400", "405", "408", "413", "414", "417", "426", "431", "501", "505", "other")
HANDSHAKE_RESULTS = ("ok", "failed", "timeout")
H2_ERRORS = (
    *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED"),
    *("FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"),
)
"""The codes of a GOAWAY by number (RFC 9113 section 7)."""

H3_ERRORS = dict(
    enumerate(
        (
            *("H3_NO_ERROR", "H3_GENERAL_PROTOCOL_ERROR", "H3_INTERNAL_ERROR", "H3_STREAM_CREATION_ERROR"),
            *("H3_CLOSED_CRITICAL_STREAM", "H3_FRAME_UNEXPECTED", "H3_FRAME_ERROR", "H3_EXCESSIVE_LOAD", "H3_ID_ERROR"),
            *("H3_SETTINGS_ERROR", "H3_MISSING_SETTINGS", "H3_REQUEST_REJECTED", "H3_REQUEST_CANCELLED"),
            *("H3_REQUEST_INCOMPLETE", "H3_MESSAGE_ERROR", "H3_CONNECT_ERROR", "H3_VERSION_FALLBACK"),
        ),
        0x100,
    )
) | {0x200: "QPACK_DECOMPRESSION_FAILED", 0x201: "QPACK_ENCODER_STREAM_ERROR", 0x202: "QPACK_DECODER_STREAM_ERROR"}
"""The codes that HTTP/3 ends connections with (RFC 9114 section 8.1, RFC 9204 section 6)."""

QUIC_ERRORS = (
    *("NO_ERROR", "INTERNAL_ERROR", "CONNECTION_REFUSED", "FLOW_CONTROL_ERROR", "STREAM_LIMIT_ERROR"),
    *("STREAM_STATE_ERROR", "FINAL_SIZE_ERROR", "FRAME_ENCODING_ERROR", "TRANSPORT_PARAMETER_ERROR"),
    *("CONNECTION_ID_LIMIT_ERROR", "PROTOCOL_VIOLATION", "INVALID_TOKEN", "APPLICATION_ERROR"),
    *("CRYPTO_BUFFER_EXCEEDED", "KEY_UPDATE_ERROR", "AEAD_LIMIT_REACHED", "NO_VIABLE_PATH"),
)
"""The codes that QUIC ends connections with, by number (RFC 9000 section 20.1); TLS has `CRYPTO_ERROR`."""

DROPPED_DATAGRAMS = ("malformed", "forged", "unknown_connection", "unknown_version", "busy", "draining")

CLOSE_CODES = (*(str(code) for code in (*range(1000, 1004), *range(1005, 1016))), "other")
"""RFC 6455 section 7.4.1, and the codes that were registered later."""

GENERATIONS = ("0", "1", "2")
