"""The life of a stream, as a table (RFC 9113 section 5.1).

Sans-I/O. A stream has no object before its first frame and none after its last; its state then follows from its number
and from which side ended it. The server never pushes, so there are no reserved states and no even numbers.
"""

from esg_http.h2.coding.codes import DATA, HEADERS, RST_STREAM, WINDOW_UPDATE
from esg_http.multiplexed.states import CLOSED, HALF_CLOSED_OURS, HALF_CLOSED_THEIRS, IDLE, OPEN, RESET

STATES = {
    IDLE: ("idle", "no frame has come"),
    OPEN: ("open", "neither side has sent its last frame"),
    HALF_CLOSED_OURS: ("half closed, ours", "the server has sent its last frame"),
    HALF_CLOSED_THEIRS: ("half closed, theirs", "the client has sent its last frame"),
    CLOSED: ("closed", "both sides have sent their last frame, or the client has reset the stream"),
    RESET: ("reset", "the server has reset the stream; frames may still be on their way"),
}
"""State -> its name, and when a stream is in it."""

GOES_ON, NOTHING, TOO_LATE, AFTER_ALL, OPENS, WRONG = range(6)

MEANINGS = {
    GOES_ON: ("goes on", "takes effect"),
    NOTHING: ("nothing", "nothing"),
    TOO_LATE: ("too late", "an error of the stream: STREAM_CLOSED"),
    AFTER_ALL: ("after all", "an error of the connection: STREAM_CLOSED"),
    OPENS: ("opens", "opens the stream, if its number is odd and the highest so far"),
    WRONG: ("wrong", "an error of the connection: PROTOCOL_ERROR"),
}
"""Effect of a frame -> its name, and what the frame does."""

EFFECTS = {
    DATA: (WRONG, GOES_ON, GOES_ON, TOO_LATE, AFTER_ALL, NOTHING),
    HEADERS: (OPENS, GOES_ON, GOES_ON, TOO_LATE, AFTER_ALL, NOTHING),
    RST_STREAM: (WRONG, GOES_ON, GOES_ON, GOES_ON, NOTHING, NOTHING),
    WINDOW_UPDATE: (WRONG, GOES_ON, GOES_ON, GOES_ON, NOTHING, NOTHING),
}
"""Type of frame -> what it does in each state; PRIORITY may come at any time."""
