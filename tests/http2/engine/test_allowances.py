"""What each frame costs its sender, to the frame (rule 2-3)."""

from collections.abc import Callable

import pytest

from esg_http.coding.faults import ConnectionFault
from esg_http.h2.coding.codes import ENHANCE_YOUR_CALM
from tests.support.http2 import wire
from tests.support.http2.session import Session, session_with
from tests.support.http2.wire import GET, Kind

LATER = 20.0
"""Seconds after the opening, when every allowance is full again."""

OPEN = wire.post(1)
ENDED = wire.headers(1) + wire.reset(1)
BROKEN = wire.post(1) + wire.window(1, 0)
"""After which the server has reset stream 1."""


def check_price(session: Session, frame: bytes, times: int) -> None:
    """Exactly that many times; ten seconds later, that many times again."""
    for now in (LATER, LATER + 10.0):
        for _ in range(times):
            session.receive(frame, now)
        assert not session.is_over, session.faults
    session.receive(frame, LATER + 19.9)
    check_end(session, f"more than {session.limits.control_frames} useless frames in 10 s")


def check_end(session: Session, why: str) -> None:
    (fault,) = [fault for fault in session.faults if isinstance(fault, ConnectionFault)]
    assert (session.is_over, fault.code, str(fault)) == (True, ENHANCE_YOUR_CALM, why)


WITHOUT_USE: dict[str, tuple[bytes, bytes]] = {
    "SETTINGS": (b"", wire.settings()),
    "seven settings": (b"", wire.settings(*[(99, 1)] * 7)),
    "an acknowledgement": (b"", wire.SETTINGS_ACK),
    "PING": (b"", wire.ping()),
    "the answer to a PING": (b"", wire.ping(ack=True)),
    "GOAWAY": (b"", wire.goaway()),
    "PRIORITY": (b"", wire.priority(1)),
    "PRIORITY_UPDATE": (b"", wire.priority_update(1)),
    "PRIORITY_UPDATE of an open stream": (OPEN, wire.priority_update(1)),
    "an unknown frame": (b"", wire.frame(99)),
    "WINDOW_UPDATE": (b"", wire.window(0, 1)),
    "WINDOW_UPDATE of a stream": (OPEN, wire.window(1, 1)),
    "WINDOW_UPDATE of a stream that has ended": (ENDED, wire.window(1, 1)),
    "RST_STREAM of a stream that has ended": (ENDED, wire.reset(1)),
    "RST_STREAM of a stream that was reset": (BROKEN, wire.reset(1)),
    "empty DATA": (OPEN, wire.data(1)),
    "empty DATA of a stream that was reset": (BROKEN, wire.data(1)),
    "trailers of a stream that was reset": (BROKEN, wire.headers(1, [(b"a", b"b")])),
}


@pytest.mark.parametrize("name", WITHOUT_USE)
def test_2_3_a_frame_without_use_costs_one(name: str) -> None:
    before, frame = WITHOUT_USE[name]
    check_price(session_with(before, control_frames=4), frame, 4)


def test_2_3_eight_settings_cost_as_much_as_two_frames() -> None:
    check_price(session_with(control_frames=4), wire.settings(*[(99, 1)] * 8), 2)


def test_2_3_a_request_that_is_ignored_costs_one() -> None:
    session = session_with(control_frames=4)
    session.requests.ignores_new = True
    for number in range(1, 9, 2):
        session.receive(wire.headers(number), LATER)
        session.receive(wire.data(number, b"x"), LATER)
    assert (session.faults, session.opened, session.take()[-9:]) == ([], {}, wire.SETTINGS_ACK)
    session.receive(wire.headers(9), LATER)
    assert session.is_over


SMALL: dict[str, tuple[bytes, bytes]] = {
    "one byte": (OPEN, wire.data(1, b"x")),
    "63 bytes": (OPEN, wire.data(1, b"x" * 63)),
    "one byte and padding": (OPEN, wire.frame(Kind.DATA, 1, wire.padded(b"x", 200), wire.PADDED)),
    "one byte of a stream that was reset": (BROKEN, wire.data(1, b"x")),
}


@pytest.mark.parametrize("name", SMALL)
def test_2_3_fifty_small_data_frames_cost_as_much_as_one_without_use(name: str) -> None:
    before, frame = SMALL[name]
    session = session_with(before, control_frames=4)
    for now in (LATER, LATER + 10.0):
        session.receive(frame * 200, now)
        assert not session.is_over
    session.receive(frame, LATER + 19.9)
    check_end(session, "more than 200 small DATA frames in 10 s")


@pytest.mark.parametrize("is_last", [False, True])
def test_2_3_data_of_64_bytes_or_at_the_end_is_not_small(is_last: bool) -> None:
    session = session_with(control_frames=2)
    for number in range(1, 303, 2):
        session.receive(wire.post(number) + wire.data(number, b"x" * 64) * 2 * (not is_last), LATER)
        session.receive(wire.data(number, b"x", end=True) if is_last else wire.reset(number), LATER)
    assert session.faults == []


@pytest.mark.parametrize("size", [0, 63])
def test_2_3_a_small_continuation_costs_one(size: int) -> None:
    session = session_with(control_frames=3)
    session.receive(wire.headers(1, done=False), LATER)
    for _ in range(3):
        session.receive(wire.continuation(1, bytes(size), done=False), LATER)
    assert not session.is_over
    session.receive(wire.continuation(1, bytes(size), done=False), LATER)
    check_end(session, "more than 3 useless frames in 10 s")


def test_2_3_a_continuation_of_64_bytes_costs_nothing_nor_does_the_last_one() -> None:
    session = session_with(control_frames=2)
    for number in (1, 3, 5):
        fields = wire.literal(b"x", b"y" * 60) * 3
        session.receive(wire.headers(number, done=False), LATER)
        for at in (0, 64, 128):
            session.receive(wire.continuation(number, fields[at : at + 64], done=at == 128), LATER)
    assert session.faults == []
    assert len(session.opened) == 3


@pytest.mark.parametrize("drips", [False, True])
def test_2_3_what_is_of_use_costs_nothing(drips: bool) -> None:
    session = session_with(control_frames=2)
    for number in range(1, 41, 2):
        sent = wire.post(number) + wire.data(number, b"x" * 100) * 5 + wire.data(number, end=True)
        for at in range(0, len(sent), 50 if drips else len(sent)):
            session.receive(sent[at : at + (50 if drips else len(sent))], LATER)
    assert session.faults == []
    assert all(stream.body == b"x" * 500 and stream.is_complete for stream in session.opened.values())


def test_2_3_a_client_may_answer_each_frame_with_two_window_updates() -> None:
    """One for the stream and one for the connection, even for empty frames."""
    session = session_with(wire.headers(1) + wire.headers(3), control_frames=2)
    first, second = session.opened.values()
    block = session.encoder.encode([(b":status", b"200")])
    session.send_response(first, block, b"x", end=False)
    session.send_data(first, b"x", end=True)
    session.send_response(second, block, b"", end=True)
    for _ in range(2 * 2 + 2):
        session.receive(wire.window(0, 1), LATER)
    assert session.faults == []
    session.receive(wire.window(0, 1), LATER)
    assert session.is_over


@pytest.mark.parametrize("window", [0, 1])
def test_2_3_a_client_may_answer_what_had_to_wait_too(window: int) -> None:
    """For whole frames and a large rest, but not for a frame that the client's own window has made small."""
    session = session_with(wire.headers(1) + wire.window(0, 10**6) + wire.window(1, 10**6), control_frames=5)
    (stream,) = session.opened.values()
    if window:
        stream.window = 0
    else:
        session.sending.window = 0
    before = session.sent
    session.send_data(stream, b"x" * 100_000, end=True)
    session.take()
    for size in (3 * 16384 + 256, 255, 256, 16384 + 255):
        session.receive(wire.window(window, size), LATER)
        session.take()
    assert (session.sent - before, session.updates_due) == (4 * 16384 + 1022, 2 * 6 - 3)


@pytest.mark.parametrize(("window", "sizes"), [(200, [100, 100]), (250, [100, 100, 50])])
def test_2_3_a_client_may_answer_small_pieces_that_had_to_wait(window: int, sizes: list[int]) -> None:
    """The application makes those small, except the one that the window cuts."""
    session = session_with(wire.headers(1) + wire.settings((4, 0)))
    (stream,) = session.opened.values()
    for _ in range(4):
        session.send_data(stream, bytes(100), end=False)
    session.receive(wire.window(1, window), LATER)
    assert [len(frame.payload) for frame in wire.read(session.take()) if frame.kind == wire.Kind.DATA] == sizes
    assert session.updates_due == 2 * 2


def test_2_3_a_client_may_answer_frames_that_are_small_since_others_have_their_turn() -> None:
    session = session_with(wire.headers(1) + wire.headers(3) + wire.window(0, 10**6))
    session.set_stuck(True)
    for stream in session.opened.values():
        for end in (False, True):
            session.send_data(stream, bytes(16383), end=end)
    session.set_stuck(False)
    sizes = [len(frame.payload) for frame in wire.read(session.take()) if frame.kind == wire.Kind.DATA]
    assert sizes.count(1) == 2
    assert session.updates_due == 2 * len(sizes)


CANCELLED: dict[str, Callable[[int], bytes]] = {
    "a request": lambda number: wire.headers(number) + wire.reset(number),
    "an upload": lambda number: wire.post(number) + wire.reset(number),
}


@pytest.mark.parametrize("name", CANCELLED)
def test_2_3_to_cancel_costs_one(name: str) -> None:
    session = session_with(client_resets=3, control_frames=3)
    for number in (1, 3, 5):
        session.receive(CANCELLED[name](number), LATER)
    assert session.faults == []
    assert all(stream.was_reset for stream in session.opened.values())
    session.receive(CANCELLED[name](7), LATER)
    check_end(session, "more than 3 cancelled streams in 10 s")


def test_2_3_a_stream_too_many_costs_one() -> None:
    session = session_with(wire.post(1) + wire.post(3), streams=2, client_resets=3)
    for number in (5, 7, 9):
        session.receive(wire.post(number), LATER)
    assert (session.faults, list(session.opened)) == ([], [1, 3])
    session.receive(wire.post(11), LATER)
    assert session.is_over


def test_2_3_what_still_runs_for_closed_streams_takes_their_place() -> None:
    session = session_with(wire.post(1), streams=3)
    session.requests.leftovers = 2
    session.receive(wire.post(3), LATER)
    assert list(session.opened) == [1]
    session.requests.leftovers = 1
    session.receive(wire.post(5), LATER)
    assert list(session.opened) == [1, 5]
    session.receive(wire.post(7), LATER)
    assert list(session.opened) == [1, 5]


def test_2_3_what_makes_the_server_reset_costs_one() -> None:
    """Whether the stream exists, or was only requested."""
    session = session_with(server_resets=2)
    session.receive(wire.post(1) + wire.window(1, 0), LATER)
    session.receive(wire.headers(3, [*GET, (b"Upper", b"case")]), LATER)
    assert not session.is_over
    session.receive(wire.frame(Kind.HEADERS, 5, b"", 5), LATER)
    check_end(session, "more than 2 streams that had to be reset in 10 s")
