"""The table of what each frame does in each state of its stream (RFC 9113 section 5.1), written out once more."""

import pytest

from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.codes import NO_ERROR, PROTOCOL_ERROR, STREAM_CLOSED
from esg_http.multiplexed import states
from tests.support.http2 import wire
from tests.support.http2.session import RecordedStream, Session

FRAMES: dict[str, bytes] = {
    "DATA": wire.data(3, b"x"),
    "HEADERS": wire.headers(3, [(b"a", b"b")]),
    "RST_STREAM": wire.reset(3),
    "WINDOW_UPDATE": wire.window(3, 1),
}
GOES_ON = (NO_ERROR, NO_ERROR, True)
NOTHING = (NO_ERROR, NO_ERROR, False)
WRONG = (PROTOCOL_ERROR, NO_ERROR, False)
AFTER_ALL = (STREAM_CLOSED, NO_ERROR, False)
TOO_LATE = (NO_ERROR, STREAM_CLOSED, False)
"""Connection errors, stream errors, and whether the frame takes effect."""

EXPECTED: dict[str, dict[str, tuple[int, int, bool]]] = {
    "idle": {"DATA": WRONG, "RST_STREAM": WRONG, "WINDOW_UPDATE": WRONG},
    "open": dict.fromkeys(FRAMES, GOES_ON),
    "half closed, ours": dict.fromkeys(FRAMES, GOES_ON),
    "half closed, theirs": {
        "DATA": TOO_LATE,
        "HEADERS": TOO_LATE,
        "RST_STREAM": GOES_ON,
        "WINDOW_UPDATE": GOES_ON,
    },
    "closed": {"DATA": AFTER_ALL, "HEADERS": AFTER_ALL, "RST_STREAM": NOTHING, "WINDOW_UPDATE": NOTHING},
    "closed, the client first": {
        "DATA": AFTER_ALL,
        "HEADERS": AFTER_ALL,
        "RST_STREAM": NOTHING,
        "WINDOW_UPDATE": NOTHING,
    },
    "passed over": {"DATA": AFTER_ALL, "HEADERS": AFTER_ALL, "RST_STREAM": NOTHING, "WINDOW_UPDATE": NOTHING},
    "reset by the client": {"DATA": AFTER_ALL, "HEADERS": AFTER_ALL, "RST_STREAM": NOTHING, "WINDOW_UPDATE": NOTHING},
    "reset by the server": dict.fromkeys(FRAMES, NOTHING),
}


def bring(session: Session, state: str) -> None:
    """Bring stream 3 into a state."""
    if state == "idle":
        return
    if state == "passed over":
        session.receive(wire.post(5), 0.0)
        return
    session.receive(wire.post(3), 0.0)
    stream = session.opened[3]
    stream.listens = True
    if state in ("half closed, theirs", "closed, the client first"):
        session.receive(wire.data(3, end=True), 0.0)
    if state in ("half closed, ours", "closed", "closed, the client first"):
        session.send_data(stream, b"x", end=True)
    if state == "closed":
        session.receive(wire.data(3, end=True), 0.0)
    elif state == "reset by the client":
        session.receive(wire.reset(3), 0.0)
    elif state == "reset by the server":
        session.reset(stream, NO_ERROR)


def has_done(stream: RecordedStream, kind: str, window: int) -> bool:
    """Whether a frame has taken effect."""
    if kind == "DATA":
        return stream.body == b"x"
    if kind == "HEADERS":
        return stream.is_complete
    return stream.was_reset if kind == "RST_STREAM" else stream.window == window + 1


@pytest.mark.parametrize(("state", "kind"), [(state, kind) for state, row in EXPECTED.items() for kind in row])
def test_5_1_what_a_frame_does(state: str, kind: str) -> None:
    session = Session()
    session.receive(wire.OPENING, 0.0)
    bring(session, state)
    stream = session.opened.get(3) or RecordedStream(3, 0)
    stream.is_complete = stream.was_reset = False
    window = stream.window
    session.receive(FRAMES[kind], 0.0)
    found = {type(fault): fault.code for fault in session.faults}
    expected = EXPECTED[state][kind]
    assert (found.get(ConnectionFault, NO_ERROR), found.get(StreamFault, NO_ERROR)) == expected[:2]
    if expected != TOO_LATE:  # which resets it
        assert has_done(stream, kind, window) == expected[2]
    assert session.is_over == (expected[0] != NO_ERROR)


def test_5_1_headers_open_a_stream() -> None:
    session = Session()
    session.receive(wire.OPENING + wire.headers(3) + wire.post(7), 0.0)
    assert [(number, stream.state) for number, stream in session.live.items()] == [
        (3, states.HALF_CLOSED_THEIRS),
        (7, states.OPEN),
    ]


@pytest.mark.parametrize("kind", FRAMES)
def test_5_1_1_even_numbers_are_idle_for_ever(kind: str) -> None:
    """The server never pushes, so there is no such stream, below the last one or above it."""
    frame = FRAMES[kind]
    session = Session()
    session.receive(wire.OPENING + wire.post(9) + frame[:8] + b"\x04" + frame[9:], 0.0)
    assert [fault.code for fault in session.faults] == [PROTOCOL_ERROR]
    assert session.is_over


@pytest.mark.parametrize("state", [state for state in EXPECTED if state not in ("idle", "passed over")])
def test_5_1_a_stream_is_there_until_both_have_ended_it(state: str) -> None:
    """From its first frame to its last, no matter which side sends that."""
    session = Session()
    session.receive(wire.OPENING, 0.0)
    bring(session, state)
    assert (3 in session.live) == (session.opened[3].state < states.CLOSED) == (state == "open" or "half" in state)
