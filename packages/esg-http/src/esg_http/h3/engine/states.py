"""What each frame does on a request stream (RFC 9114 sections 4.1 and 7.2), as a table. Sans-I/O: only data."""

from esg_http.h3.coding.codes import (
    CANCEL_PUSH,
    DATA,
    GOAWAY,
    HEADERS,
    MAX_PUSH_ID,
    OF_HTTP2,
    PRIORITY_UPDATE,
    PRIORITY_UPDATE_OF_PUSH,
    PUSH_PROMISE,
    SETTINGS,
)

BEFORE_HEAD, IN_BODY, AFTER_TRAILERS = range(3)
"""How far a request has come."""

IGNORED, HEAD, CONTENT, TRAILERS, UNEXPECTED = range(5)
"""What a frame is."""

_NOWHERE = (UNEXPECTED, UNEXPECTED, UNEXPECTED)

EFFECTS: dict[int, tuple[int, int, int]] = {
    HEADERS: (HEAD, TRAILERS, UNEXPECTED),
    DATA: (UNEXPECTED, CONTENT, UNEXPECTED),
    **dict.fromkeys(OF_HTTP2, _NOWHERE),
    SETTINGS: _NOWHERE,
    GOAWAY: _NOWHERE,
    MAX_PUSH_ID: _NOWHERE,
    CANCEL_PUSH: _NOWHERE,
    PUSH_PROMISE: _NOWHERE,
    PRIORITY_UPDATE: _NOWHERE,
    PRIORITY_UPDATE_OF_PUSH: _NOWHERE,
}
"""Type of frame -> what it is before the head, after it, and after the trailers; others are ignored."""

ANYWHERE = (IGNORED, IGNORED, IGNORED)
"""The effect of frames of unknown types (RFC 9114 section 9)."""
