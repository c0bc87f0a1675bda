"""The states of a stream with a request, and where the ends of its sides lead (RFC 9113 section 5.1).

Sans-I/O. The streams of HTTP/3 have the same: each side of a request stream ends on its own.
"""

IDLE, OPEN, HALF_CLOSED_OURS, HALF_CLOSED_THEIRS, CLOSED, RESET = range(6)

AFTER_THEIR_END = {OPEN: HALF_CLOSED_THEIRS, HALF_CLOSED_OURS: CLOSED}
"""State -> the next one, after the end of what the client sends."""

AFTER_OUR_END = {OPEN: HALF_CLOSED_OURS, HALF_CLOSED_THEIRS: CLOSED}
"""State -> the next one, after the end of what the server sends."""
