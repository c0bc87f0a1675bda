"""The numbers of HTTP/2: frame types, flags, settings, error codes (RFC 9113 sections 6 and 7). Sans-I/O: only data."""

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
"""Types of frames (RFC 9113 section 6)."""

PRIORITY_UPDATE = 0x10
"""RFC 9218 section 7.1."""

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

(
    NO_ERROR,
    PROTOCOL_ERROR,
    INTERNAL_ERROR,
    FLOW_CONTROL_ERROR,
    SETTINGS_TIMEOUT,
    STREAM_CLOSED,
    FRAME_SIZE_ERROR,
    REFUSED_STREAM,
    CANCEL,
    COMPRESSION_ERROR,
    CONNECT_ERROR,
    ENHANCE_YOUR_CALM,
) = range(12)
"""Error codes (RFC 9113 section 7)."""

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = (
    range(1, 7)
)
"""Settings (RFC 9113 section 6.5.2)."""

ENABLE_CONNECT_PROTOCOL = 0x8
"""RFC 8441 section 3."""

NO_RFC7540_PRIORITIES = 0x9
"""RFC 9218 section 2.1."""

LAST_STREAM = 2**31 - 1
"""The largest stream identifier, and the largest window (RFC 9113 sections 5.1.1 and 6.9.1)."""

DEFAULT_WINDOW = 65535
"""The initial size of windows (RFC 9113 section 6.9.2)."""

DEFAULT_FRAME_SIZE = 16384
"""The payload that every peer accepts (RFC 9113 section 4.2)."""

LARGEST_FRAME_SIZE = 2**24 - 1
