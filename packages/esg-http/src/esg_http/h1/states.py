"""What an HTTP/1.1 connection reads, and what each event makes of it, as a table (RFC 9112 section 9).

Sans-I/O. The connection assigns its next state instead of looking it up, because a look-up would cost every request. A
test drives a connection through each cell of the table, and compares.
"""

from enum import Enum, unique


@unique
class Reading(Enum):
    """What a connection reads now: each value completes the sentence "The connection ..."."""

    IDLE = "waits for a request; at most empty lines have come"
    HEAD = "reads a head, part of which has come"
    BODY = "reads the body of the running request"
    SKIP = "skips the rest of a body whose response is complete"
    HOLD = "has a whole request whose response is not complete; what comes early is held back"
    NEXT = "has sent a response, and reads the next request in a later turn, once the client has read enough"
    DISCARD = "discards what comes, until the client has read the last response"
    CLOSING = "reads nothing; what is written is still sent"
    GONE = "is lost, or belongs to another protocol"


IDLE, HEAD, BODY, SKIP, HOLD, NEXT, DISCARD, CLOSING, GONE = Reading

ENDING = frozenset((DISCARD, CLOSING, GONE))
"""From here no further request is read."""


@unique
class Event(Enum):
    """What can happen to a connection."""

    PART = "bytes that complete nothing"
    HEAD_END = "the end of a head whose body is still to come"
    END = "the end of a request, or of a skipped body"
    BROKEN = "bytes that break HTTP or a limit, before the response has begun"
    PREFACE = "the preface of HTTP/2, where its first request would be"
    EOF = "the client ends its sending side"
    LEFT = "the client leaves: it ends TLS, or its sending side while its request waits for admission"
    LOST = "the connection is lost"
    ANSWERED = "a response is complete"
    ANSWERED_BEHIND = "a response is complete while early bytes are held, much is unsent, or the server drains"
    ANSWERED_LAST = "the last response is complete"
    ANSWERED_AT_END = "the last response is complete, and there is no input to discard"
    GIVEN_UP = "a response cannot be completed"
    SWITCHED = "the application switches to another protocol"
    TURN = "the next request's turn"
    EXPIRED = "a deadline passes"
    DRAIN = "the server stops"


LIVE = tuple(state for state in Reading if state is not GONE)

AFTER: dict[Event, dict[Reading, Reading]] = {
    Event.PART: {**{state: state for state in LIVE}, IDLE: HEAD},
    Event.HEAD_END: {IDLE: BODY, HEAD: BODY},
    Event.END: {IDLE: HOLD, HEAD: HOLD, BODY: HOLD, SKIP: NEXT},
    Event.BROKEN: {IDLE: DISCARD, HEAD: DISCARD, BODY: DISCARD},
    Event.PREFACE: {IDLE: GONE, HEAD: GONE},
    Event.EOF: {**dict.fromkeys(LIVE, CLOSING), HOLD: HOLD, NEXT: NEXT},
    Event.LEFT: dict.fromkeys(LIVE, CLOSING),
    Event.LOST: dict.fromkeys(LIVE, GONE),
    Event.ANSWERED: {BODY: SKIP, HOLD: IDLE},
    Event.ANSWERED_BEHIND: {HOLD: NEXT},
    Event.ANSWERED_LAST: {BODY: DISCARD, HOLD: DISCARD},
    Event.ANSWERED_AT_END: {BODY: CLOSING, HOLD: CLOSING},
    Event.GIVEN_UP: {BODY: CLOSING, HOLD: CLOSING},
    Event.SWITCHED: {BODY: GONE, HOLD: GONE},
    Event.TURN: {NEXT: IDLE},
    Event.EXPIRED: {
        **{state: state for state in LIVE},
        IDLE: CLOSING,
        HEAD: DISCARD,
        BODY: DISCARD,
        SKIP: CLOSING,
        DISCARD: CLOSING,
    },
    Event.DRAIN: {**{state: state for state in LIVE}, IDLE: CLOSING},
}
"""Event -> state -> the state that follows; a pair that is not here cannot happen."""
