"""How responses are framed, and when (RFC 9113 sections 6.1, 6.5.2, 6.9 and 8.1, rule 2-4)."""

import pytest

from esg_http.coding.faults import ConnectionFault
from esg_http.h2.coding.codes import FLOW_CONTROL_ERROR
from tests.support.http2 import wire
from tests.support.http2.session import Session, asked_session, first, frames, said
from tests.support.http2.wire import Kind, Setting

FULL = 16384


def test_6_1_what_fits_is_one_frame_and_at_once() -> None:
    session = asked_session()
    session.send_data(first(session), b"x" * FULL, end=False)
    assert len(session.out) == 1
    session.send_data(first(session), b"", end=False)
    assert len(session.out) == 1, "nothing is no frame"
    session.send_data(first(session), b"", end=True)
    assert said(session) == [(1, FULL, False), (1, 0, True)]
    assert session.live == {}


def test_6_9_an_end_needs_no_window() -> None:
    """Not even while windows are negative because the client has made them smaller."""
    session = asked_session()
    session.send_data(first(session), bytes(100), end=False)
    session.receive(wire.settings((Setting.INITIAL_WINDOW_SIZE, 0)), 0.0)
    session.take()
    assert first(session).window == -100
    session.send_data(first(session), b"", end=True)
    assert session.out == [wire.data(1, end=True)]
    assert session.live == {}


def test_6_9_1_the_last_byte_of_the_connection_s_window_is_room() -> None:
    session = Session()
    session.receive(wire.OPENING + wire.settings((Setting.INITIAL_WINDOW_SIZE, 10**6)) + wire.headers(1), 0.0)
    session.send_data(first(session), bytes(65536), end=True)
    assert session.fill(65534)
    assert session.window == 1
    assert not session.fill(1)
    assert session.window == 0


def test_2_4_what_is_to_be_written_is_counted_from_the_first_frame() -> None:
    session = Session()
    session.receive(wire.OPENING, 0.0)
    assert session.out_size == len(b"".join(session.out)) > 0


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        (FULL + 1, [FULL, 1]),
        (2 * FULL, [FULL, FULL]),
        (2 * FULL + 1, [FULL, FULL, 1]),
        (3 * FULL + 5, [FULL, FULL, FULL, 5]),
    ],
)
@pytest.mark.parametrize("end", [False, True])
def test_6_1_what_does_not_is_cut_into_whole_frames(size: int, sizes: list[int], end: bool) -> None:
    session = asked_session()
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    session.send_data(first(session), body, end=end)
    assert session.out == [], "it waits for its turn"
    assert session.fill(2**20) is False
    assert session.out_size == size + 9 * len(sizes)
    came = frames(session)
    assert b"".join([frame.payload for frame in came]) == body
    assert [len(frame.payload) for frame in came] == sizes
    assert [frame.ends for frame in came] == [False] * (len(sizes) - 1) + [end]
    assert (1 in session.live) is not end
    assert first(session).unsent is None
    assert session.sent == size


def test_6_9_no_more_than_there_is_room_for_and_then_the_rest() -> None:
    """The windows of stream and connection, and the transport."""
    session = asked_session(wire.settings((Setting.INITIAL_WINDOW_SIZE, 100)))
    session.send_data(first(session), b"x" * 300, end=True)
    assert said(session) == [(1, 100, False)]
    assert (first(session).window, first(session).moves) == (0, 1)
    session.receive(wire.window(1, 150), 0.0)
    assert session.fill(60) is True
    assert session.out_size == 69
    assert session.fill(0) is True, "no room, no frame"
    assert said(session) == [(1, 60, False), (1, 90, False)]
    session.receive(wire.window(1, 49), 0.0)
    session.sending.window = 48
    assert session.fill(2**20) is False, "the connection's window is used up"
    assert (session.window, first(session).window) == (0, 1)
    assert said(session) == [(1, 48, False)]
    session.receive(wire.window(0, 1), 0.0)
    assert said(session) == [(1, 1, False)]
    session.receive(wire.window(0, 9) + wire.window(1, 9), 0.0)
    assert said(session) == [(1, 1, True)]
    assert session.live == {}


def test_6_9_pieces_stay_in_order_however_the_window_opens() -> None:
    session = asked_session(wire.settings((Setting.INITIAL_WINDOW_SIZE, 0)))
    pieces = [b"one" * 9, b"two" * 9000, b"three" * 9]
    for piece in pieces:
        session.send_data(first(session), piece, end=piece is pieces[-1])
    came = []
    for size in (20, 5, 3000, 20000, 10**5):
        session.receive(wire.window(1, size), 0.0)
        came += [frame.payload for frame in frames(session) if frame.kind == Kind.DATA]
    assert b"".join(came) == b"".join(pieces)


def test_6_9_what_waits_is_counted() -> None:
    session = asked_session(wire.settings((Setting.INITIAL_WINDOW_SIZE, 0)))
    stream = first(session)
    session.send_data(stream, b"x" * 300, end=False)
    session.send_data(stream, b"y" * 20000, end=False)
    session.send_data(stream, b"", end=False)
    unsent = stream.unsent
    assert unsent is not None
    assert (unsent.size, unsent.ends, unsent.moved, len(unsent.pieces)) == (20300, False, 0, 2)
    session.receive(wire.window(1, 310), 0.0)
    assert said(session) == [(1, 300, False), (1, 10, False)]
    assert (unsent.size, unsent.moved, stream.moves) == (19990, 310, 1)
    session.send_data(stream, b"", end=True)
    session.receive(wire.window(1, 10**6), 0.0)
    assert said(session) == [(1, FULL, False), (1, 19990 - FULL, True)]
    assert stream.moves == 2


def test_8_1_trailers_end_what_is_unsent_and_not_its_last_frame() -> None:
    session = asked_session(wire.settings((Setting.INITIAL_WINDOW_SIZE, 0)))
    session.send_data(first(session), b"x" * 10, end=False)
    session.send_trailers(first(session), [(b"x-sum", b"1")])
    session.receive(wire.window(1, 10), 0.0)
    came = frames(session)
    assert [(frame.kind, frame.ends) for frame in came] == [(Kind.DATA, False), (Kind.HEADERS, True)]
    assert session.live == {}


def test_8_1_trailers_alone_go_at_once() -> None:
    session = asked_session()
    session.send_trailers(first(session), [(b"x-sum", b"1")])
    assert [(frame.kind, frame.ends) for frame in wire.read(b"".join(session.out))] == [(Kind.HEADERS, True)]


@pytest.mark.parametrize(
    ("size", "end"), [(0, True), (0, False), (5, True), (5, False), (FULL, True), (FULL + 1, True)]
)
@pytest.mark.parametrize("block", [b"\x88", b"\x88" * (FULL + 1)])
def test_8_1_a_head_and_the_first_part_of_the_body(size: int, end: bool, block: bytes) -> None:
    session = asked_session()
    session.send_response(first(session), block, b"x" * size, end=end)
    came = frames(session)
    kinds = [Kind.HEADERS, Kind.CONTINUATION][: 1 + (len(block) > FULL)] + [Kind.DATA] * -(-size // FULL)
    assert [frame.kind for frame in came] == kinds
    assert [frame.ends for frame in came if frame.kind != Kind.CONTINUATION] == [False] * (
        len([kind for kind in kinds if kind != Kind.CONTINUATION]) - 1
    ) + [end]
    assert sum([len(frame.payload) for frame in came if frame.kind == Kind.DATA]) == size == session.sent
    assert first(session).window == 65535 - size
    assert session.updates_due == 2 * -(-size // FULL)
    assert (1 in session.live) is not end


def test_6_9_a_response_that_finds_its_window_full_waits_behind_its_head() -> None:
    for stream_window, window in ((4, 10**6), (10**6, 4)):
        session = asked_session(wire.settings((Setting.INITIAL_WINDOW_SIZE, stream_window)))
        session.sending.window = window
        session.send_response(first(session), b"\x88", b"12345", end=True)
        assert [frame.kind for frame in wire.read(b"".join(session.out))] == [Kind.HEADERS]
        assert said(session) == [(1, 4, False)]


def test_6_9_a_response_that_fills_its_window_does_not_wait() -> None:
    for stream_window, window in ((5, 10**6), (10**6, 5)):
        session = asked_session(wire.settings((Setting.INITIAL_WINDOW_SIZE, stream_window)))
        session.sending.window = window
        session.send_response(first(session), b"\x88", b"12345", end=True)
        assert session.live == {}
        assert len(session.out) == 1


@pytest.mark.parametrize(
    ("size", "largest"), [(FULL, FULL), (20000, 20000), (4 * FULL, 4 * FULL), (2**24 - 1, 4 * FULL)]
)
def test_6_5_2_frames_are_as_large_as_the_client_wants_up_to_four_times_the_usual(size: int, largest: int) -> None:
    """Streams take turns by frames, so frames must not be long."""
    session = asked_session(wire.settings((Setting.MAX_FRAME_SIZE, size), (Setting.INITIAL_WINDOW_SIZE, 10**6)))
    session.send_data(first(session), b"x" * largest, end=False)
    assert len(session.out) == 1
    session.send_data(first(session), b"x" * (largest + 1), end=True)
    assert said(session) == [(1, largest, False), (1, largest, False), (1, 1, True)]


@pytest.mark.parametrize("stream", [0, 1])
def test_6_9_1_a_window_may_be_opened_to_the_last_byte(stream: int) -> None:
    session = asked_session()
    left = 2**31 - 1 - (session.window if stream == 0 else first(session).window)
    session.receive(wire.window(stream, left), 0.0)
    assert session.faults == []
    session.receive(wire.window(stream, 1), 0.0)
    assert len(session.faults) == 1


def test_6_5_3_what_is_framed_behind_an_acknowledgement_keeps_to_the_smaller_size() -> None:
    session = asked_session(wire.settings((Setting.MAX_FRAME_SIZE, 20000)))
    session.receive(wire.settings((Setting.MAX_FRAME_SIZE, FULL)), 0.0)
    session.send_data(first(session), bytes(20000), end=True)
    assert said(session) == [(1, FULL, False), (1, 20000 - FULL, True)]


def test_6_9_2_a_first_window_that_makes_another_too_large_ends_the_connection() -> None:
    session = asked_session()
    session.receive(wire.window(1, 2**31 - 1 - 65535), 0.0)
    session.receive(wire.settings((Setting.INITIAL_WINDOW_SIZE, 65535)), 0.0)
    assert session.faults == []
    session.receive(wire.settings((Setting.INITIAL_WINDOW_SIZE, 65536)), 0.0)
    assert [(type(fault), fault.code) for fault in session.faults] == [(ConnectionFault, FLOW_CONTROL_ERROR)]
    assert session.is_over


def test_6_9_2_a_change_of_the_first_window_holds_for_all_streams() -> None:
    session = asked_session(requests=2)
    one, other = session.opened.values()
    session.send_data(one, b"x" * 100, end=False)
    session.receive(wire.settings((Setting.INITIAL_WINDOW_SIZE, 50)), 0.0)
    assert [one.window, other.window] == [-50, 50]
    session.receive(wire.settings((Setting.INITIAL_WINDOW_SIZE, 70)) + wire.headers(5), 0.0)
    assert [stream.window for stream in session.opened.values()] == [-30, 70, 70]


def test_8_1_trailers_end_a_body_that_did_not_say_that_it_ends() -> None:
    """Even if their own block has no fields left."""
    session = asked_session(wire.settings((Setting.INITIAL_WINDOW_SIZE, 0)))
    session.send_data(first(session), b"x" * 10, end=False)
    session.send_trailers(first(session), [(b"x-sum", b"1")])
    unsent = first(session).unsent
    assert unsent is not None
    assert unsent.ends


def test_the_connection_is_told() -> None:
    """About output, about what begins to wait (H-17), and about the last stream."""
    session = asked_session(requests=2)
    one, other = session.opened.values()
    session.told.clear()
    session.put(b"")
    assert session.told == {"output": 1}
    session.send_data(one, b"x" * 20000, end=False)
    session.send_data(one, b"x", end=True)
    assert session.told == {"output": 2, "unsent": 1}
    session.take()
    assert session.told == {"output": 2, "unsent": 1}
    session.send_data(other, b"x", end=True)
    assert session.told == {"output": 3, "unsent": 1, "no streams": 1}
    session.receive(wire.window(0, 1), 0.0)
    assert session.told["output"] == 3, "nothing waits for that window"


def test_a_window_that_opens_is_output_for_streams_that_wait_for_it() -> None:
    session = asked_session()
    session.sending.window = 5
    session.send_data(first(session), b"123456", end=True)
    session.take()
    session.told.clear()
    session.receive(wire.window(0, 1), 0.0)
    assert session.told == {"output": 1}
    assert said(session) == [(1, 1, True)]


def test_nothing_is_copied_of_a_large_body_that_waits() -> None:
    """Except for the frames themselves: it is sliced."""
    session = asked_session()
    session.send_data(first(session), b"x" * 16385, end=False)
    unsent = first(session).unsent
    assert unsent is not None
    session.send_data(first(session), b"x" * 16384, end=False)
    assert [type(piece) for piece in unsent.pieces] == [memoryview, bytes]


def test_8_1_a_response_that_ends_first_stops_an_upload() -> None:
    """RST_STREAM with NO_ERROR, once for each, unless the stream still listens (RFC 8441)."""
    session = asked_session(wire.post(1), wire.post(3), requests=0)
    stops, listens = session.opened.values()
    listens.listens = True
    for stream in (stops, listens):
        session.send_data(stream, b"x", end=True)
    assert list(session.live) == [3]
    assert [frame.stream for frame in frames(session) if frame.kind == Kind.RST_STREAM] == [1]
