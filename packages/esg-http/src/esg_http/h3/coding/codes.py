"""The numbers of HTTP/3: frames, streams, settings, errors (RFC 9114 sections 6 to 8, RFC 9204). Sans-I/O: data."""

DATA = 0x00
HEADERS = 0x01
CANCEL_PUSH = 0x03
SETTINGS = 0x04
PUSH_PROMISE = 0x05
GOAWAY = 0x07
MAX_PUSH_ID = 0x0D
PRIORITY_UPDATE = 0xF0700
PRIORITY_UPDATE_OF_PUSH = 0xF0701
"""Types of frames (RFC 9114 section 7.2, RFC 9218 section 7.2)."""

OF_HTTP2 = frozenset((0x02, 0x06, 0x08, 0x09))
"""Types of frames that only HTTP/2 has: an error wherever they come (RFC 9114 section 7.2.8)."""

CONTROL, PUSH, QPACK_ENCODER, QPACK_DECODER = range(4)
"""Types of unidirectional streams (RFC 9114 section 6.2, RFC 9204 section 4.2)."""

KNOWN_STREAMS = frozenset((CONTROL, PUSH, QPACK_ENCODER, QPACK_DECODER))

QPACK_MAX_TABLE_CAPACITY = 0x01
MAX_FIELD_SECTION_SIZE = 0x06
QPACK_BLOCKED_STREAMS = 0x07
ENABLE_CONNECT_PROTOCOL = 0x08
H3_DATAGRAM = 0x33
"""Settings (RFC 9114 section 7.2.4.1, RFC 9204 section 5, RFC 9220 section 3, RFC 9297 section 2.1.1)."""

SETTINGS_OF_HTTP2 = frozenset((0x00, 0x02, 0x03, 0x04, 0x05))
"""Settings that only HTTP/2 has: an error (RFC 9114 section 7.2.4.1)."""

(
    H3_NO_ERROR,
    H3_GENERAL_PROTOCOL_ERROR,
    H3_INTERNAL_ERROR,
    H3_STREAM_CREATION_ERROR,
    H3_CLOSED_CRITICAL_STREAM,
    H3_FRAME_UNEXPECTED,
    H3_FRAME_ERROR,
    H3_EXCESSIVE_LOAD,
    H3_ID_ERROR,
    H3_SETTINGS_ERROR,
    H3_MISSING_SETTINGS,
    H3_REQUEST_REJECTED,
    H3_REQUEST_CANCELLED,
    H3_REQUEST_INCOMPLETE,
    H3_MESSAGE_ERROR,
    H3_CONNECT_ERROR,
    H3_VERSION_FALLBACK,
) = range(0x100, 0x111)
"""Error codes (RFC 9114 section 8.1)."""

QPACK_DECOMPRESSION_FAILED, QPACK_ENCODER_STREAM_ERROR, QPACK_DECODER_STREAM_ERROR = range(0x200, 0x203)
"""Error codes of QPACK (RFC 9204 section 6)."""

LAST_REQUEST = 2**62 - 4
"""The largest number of a client's bidirectional stream (RFC 9000 section 2.1)."""
