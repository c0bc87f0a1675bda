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

STATES: dict[int, tuple[str, str]] = {
    BEFORE_HEAD: ("before the head", "the stream has begun"),
    IN_BODY: ("in the body", "the request's HEADERS have come"),
    AFTER_TRAILERS: ("after the trailers", "its trailers have come: nothing is left but the end of the stream"),
}
"""The name of each state, and when a stream is in it."""

IGNORED, HEAD, CONTENT, TRAILERS, UNEXPECTED = range(5)
"""What a frame is."""

MEANINGS: dict[int, tuple[str, str]] = {
    IGNORED: ("ignored", "It has no effect, but counts as useless (rule Q-3)."),
    HEAD: ("head", "It begins the request."),
    CONTENT: ("content", "It is a part of the request's body."),
    TRAILERS: ("trailers", "It ends the body."),
    UNEXPECTED: ("unexpected", "The connection ends with H3_FRAME_UNEXPECTED."),
}
"""The name of each effect, and what it does."""

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
