"""The life of a stream, as a table (RFC 9113 section 5.1).

Sans-I/O. A stream has no object before its first frame and none after its last; its state is then known from its
number and from who ended it. The server never pushes, so there are no reserved states and no even numbers.

    state               DATA       HEADERS    RST_STREAM  WINDOW_UPDATE
    idle                wrong      opens      wrong       wrong
    open                goes on    goes on    goes on     goes on
    half closed, ours   goes on    goes on    goes on     goes on        the server has sent its last frame
    half closed, theirs too late   too late   goes on     goes on        the client has
    closed              after all  after all  nothing     nothing        both have, or the client has reset it
    reset               nothing    nothing    nothing     nothing        the server has reset it: frames are on the way
"""

from esg_http.h2.coding.codes import DATA, HEADERS, RST_STREAM, WINDOW_UPDATE

IDLE, OPEN, HALF_CLOSED_OURS, HALF_CLOSED_THEIRS, CLOSED, RESET = range(6)

GOES_ON, NOTHING, TOO_LATE, AFTER_ALL, OPENS, WRONG = range(6)
"""What a frame does: TOO_LATE is an error of the stream (STREAM_CLOSED), AFTER_ALL the same error of the connection,
WRONG a PROTOCOL_ERROR of the connection, NOTHING is none at all. OPENS is for odd numbers beyond all others only."""

EFFECTS = {
    DATA: (WRONG, GOES_ON, GOES_ON, TOO_LATE, AFTER_ALL, NOTHING),
    HEADERS: (OPENS, GOES_ON, GOES_ON, TOO_LATE, AFTER_ALL, NOTHING),
    RST_STREAM: (WRONG, GOES_ON, GOES_ON, GOES_ON, NOTHING, NOTHING),
    WINDOW_UPDATE: (WRONG, GOES_ON, GOES_ON, GOES_ON, NOTHING, NOTHING),
}
"""Type of frame -> what it does in each state; PRIORITY may come at any time."""

AFTER_THEIR_END = {OPEN: HALF_CLOSED_THEIRS, HALF_CLOSED_OURS: CLOSED}
"""What END_STREAM of the client makes of a state."""

AFTER_OUR_END = {OPEN: HALF_CLOSED_OURS, HALF_CLOSED_THEIRS: CLOSED}
"""What END_STREAM of the server makes of it."""
