"""The connection without a socket, with the h2 library as its client (RFC 9113)."""

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esg_core.testing import pieces
from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.codes import (
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    PRIORITY_UPDATE,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
)
from esg_http.h2.coding.frames import PREFACE, frame, settings_frame, window_frame
from esg_http.h2.coding.hpack import HeaderEncoder
from tests.support.http2.session import Session

GET = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/x?y"), (b":authority", b"a.test")]
POST = [(b":method", b"POST"), *GET[1:]]
OPENING = PREFACE + settings_frame({})


def client() -> h2.connection.H2Connection:
    return h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))


def opened(*frames: bytes) -> Session:
    session = Session()
    session.receive(OPENING + b"".join(frames), 0.0)
    return session


def headers(fields: list[tuple[bytes, bytes]], number: int = 1, flags: int = 5) -> bytes:
    return frame(1, flags, number, HeaderEncoder().encode(fields))


def connection_error(session: Session) -> int:
    fault = session.faults[-1]
    assert isinstance(fault, ConnectionFault), fault
    assert session.is_over
    return fault.code


def stream_error(session: Session) -> int:
    fault = session.faults[-1]
    assert isinstance(fault, StreamFault), fault
    assert not session.is_over
    return fault.code


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60000), min_size=1, max_size=5), st.lists(st.integers(1, 9000), min_size=1))
def test_requests_arrive_however_they_are_cut(bodies: list[bytes], sizes: list[int]) -> None:
    """RFC 9113 sections 4.1 and 8.1: bodies interleave, and segments are not frames."""
    session, peer = Session(), client()
    peer.initiate_connection()
    numbers = []
    for body in bodies:
        number = peer.get_next_available_stream_id()
        numbers.append(number)
        peer.send_headers(number, POST)
        for piece in pieces(body, 5000):
            if peer.local_flow_control_window(number) < len(piece):
                for data in pieces(peer.data_to_send(), sizes):
                    session.receive(data, 0.0)
                grow(session, number)
                peer.receive_data(session.take())
            peer.send_data(number, piece)
        peer.end_stream(number)
    for data in pieces(peer.data_to_send(), sizes):
        session.receive(data, 0.0)
    assert session.faults == []
    assert [session.opened[number].body for number in numbers] == bodies
    assert all(stream.is_complete for stream in session.opened.values())


def grow(session: Session, number: int) -> None:
    """The application reads what has come of a body."""
    stream = session.opened[number]
    assert stream.upload is not None
    session.consumed(stream, stream.upload.received)


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=200000), min_size=1, max_size=4),
    st.integers(0, 100000),
    st.lists(st.integers(1, 20000), min_size=1),
)
def test_responses_arrive_whatever_the_windows(bodies: list[bytes], window: int, sizes: list[int]) -> None:
    """RFC 9113 section 6.9: no byte beyond a window, and every byte in the end."""
    session, peer = Session(), client()
    peer.initiate_connection()
    peer.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
    for number in range(1, 2 * len(bodies), 2):
        peer.send_headers(number, GET, end_stream=True)
    session.receive(peer.data_to_send(), 0.0)
    peer.receive_data(settings_frame({}))
    for stream, body in zip(list(session.opened.values()), bodies, strict=True):
        block = session.encoder.encode([(b":status", b"200"), (b"x-n", b"%d" % stream.id)])
        session.send_response(stream, block, body, end=True)
    got = dict.fromkeys(session.opened, b"")
    ended: set[int] = set()
    for _ in range(1000):
        if len(ended) == len(bodies):
            break
        for data in pieces(session.take(), sizes):
            take_events(peer, data, got, ended)
        for number in got.keys() - ended:
            peer.increment_flow_control_window(30000, number)
        peer.increment_flow_control_window(30000)
        session.receive(peer.data_to_send(), 0.0)
    assert list(got.values()) == bodies
    assert session.live == {}
    assert session.faults == []


def take_events(peer: h2.connection.H2Connection, data: bytes, got: dict[int, bytes], ended: set[int]) -> None:
    for event in peer.receive_data(data):
        if isinstance(event, h2.events.DataReceived):
            got[event.stream_id] += event.data
        elif isinstance(event, h2.events.StreamEnded):
            ended.add(event.stream_id)


def test_trailers_follow_what_is_unsent() -> None:
    """RFC 9113 section 8.1: trailers come last, after a body that had to wait."""
    session, peer = Session(), client()
    peer.initiate_connection()
    peer.send_headers(1, GET, end_stream=True)
    session.receive(peer.data_to_send(), 0.0)
    peer.receive_data(settings_frame({}))
    stream = session.opened[1]
    session.send_response(stream, session.encoder.encode([(b":status", b"200")]), b"x" * 70000, end=False)
    session.send_trailers(stream, [(b"x-sum", b"1")])
    events = peer.receive_data(session.take())
    assert not any(isinstance(event, h2.events.TrailersReceived) for event in events)
    peer.increment_flow_control_window(10000, 1)
    peer.increment_flow_control_window(10000)
    session.receive(peer.data_to_send(), 0.0)
    events = peer.receive_data(session.take())
    assert [event.headers for event in events if isinstance(event, h2.events.TrailersReceived)] == [[(b"x-sum", b"1")]]


def test_a_response_before_the_end_of_the_request_tells_the_client_to_stop() -> None:
    """RFC 9113 section 8.1: RST_STREAM with NO_ERROR, and frames on the way are tolerated."""
    session = opened(headers(POST, flags=4))
    stream = session.opened[1]
    session.send_response(stream, session.encoder.encode([(b":status", b"200")]), b"", end=True)
    assert session.take().endswith(frame(3, 0, 1, bytes(4)))
    session.receive(frame(0, 1, 1, b"late"), 0.0)
    assert session.faults == []


def test_2_4_urgent_responses_go_first_and_incremental_ones_share() -> None:
    """RFC 9218 sections 4 and 10."""
    wishes = {1: b"u=5", 3: b"u=1", 5: b"u=3, i", 7: b"u=3, i"}
    session = opened(*[headers([*GET, (b"priority", wish)], number) for number, wish in wishes.items()])
    session.receive(window_frame(0, 10**6), 0.0)
    session.take()
    session.set_stuck(True)
    for stream in session.opened.values():
        session.send_data(stream, b"x" * 32768, end=True)
    session.set_stuck(False)
    assert data_frames(session.take()) == [3, 3, 5, 7, 5, 7, 1, 1]


def test_2_4_a_client_may_change_its_mind() -> None:
    """RFC 9218 section 7: before the request, and while its response waits."""
    early = frame(PRIORITY_UPDATE, 0, 0, (3).to_bytes(4, "big") + b"u=0")
    session = opened(early, headers(GET, 1), headers(GET, 3), headers(GET, 5))
    session.take()
    session.set_stuck(True)
    for stream in session.opened.values():
        session.send_data(stream, b"x" * 10, end=True)
    session.receive(frame(PRIORITY_UPDATE, 0, 0, (5).to_bytes(4, "big") + b"u=1"), 0.0)
    session.set_stuck(False)
    assert data_frames(session.take()) == [3, 5, 1]


def data_frames(data: bytes) -> list[int]:
    """The streams of the DATA frames in `data`, in order."""
    numbers = []
    while data:
        length = int.from_bytes(data[:3], "big")
        if data[3] == 0:
            numbers.append(int.from_bytes(data[5:9], "big"))
        data = data[9 + length :]
    return numbers


UNFINISHED = headers(POST, flags=4)

BROKEN_CONNECTIONS = [
    ("4.2: a frame beyond SETTINGS_MAX_FRAME_SIZE", frame(0, 0, 1, bytes(16385)), FRAME_SIZE_ERROR),
    ("5.1: DATA of an idle stream", frame(0, 0, 1, b"x"), PROTOCOL_ERROR),
    ("5.1: RST_STREAM of an idle stream", frame(3, 0, 1, bytes(4)), PROTOCOL_ERROR),
    ("5.1: WINDOW_UPDATE of an idle stream", window_frame(1, 1), PROTOCOL_ERROR),
    ("5.1.1: a stream with an even number", headers(GET, 2), PROTOCOL_ERROR),
    ("5.1.1: a number that is not above the last", headers(GET, 5) + headers(GET, 3), STREAM_CLOSED),
    ("6.1: DATA on no stream", frame(0, 0, 0, b"x"), PROTOCOL_ERROR),
    ("6.1: padding longer than the frame", UNFINISHED + frame(0, 8, 1, b"\x05x"), PROTOCOL_ERROR),
    ("6.2: HEADERS of no stream", headers(GET, 0), PROTOCOL_ERROR),
    ("6.2: another frame within a header block", headers(GET, 1, 1) + frame(6, 0, 0, bytes(8)), PROTOCOL_ERROR),
    ("6.3: PRIORITY on no stream", frame(2, 0, 0, bytes(5)), PROTOCOL_ERROR),
    ("6.4: RST_STREAM of another length", UNFINISHED + frame(3, 0, 1, bytes(3)), FRAME_SIZE_ERROR),
    ("6.5: SETTINGS on a stream", frame(4, 0, 1, b""), PROTOCOL_ERROR),
    ("6.5: SETTINGS of odd length", frame(4, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
    ("6.5: an ack with a payload", frame(4, 1, 0, bytes(6)), FRAME_SIZE_ERROR),
    ("6.5.2: ENABLE_PUSH is neither on nor off", settings_frame({2: 2}), PROTOCOL_ERROR),
    ("6.5.2: a window beyond 2^31-1", settings_frame({4: 2**31}), FLOW_CONTROL_ERROR),
    ("6.5.2: a frame size that is too small", settings_frame({5: 16383}), PROTOCOL_ERROR),
    ("6.5.2: a frame size that is too large", settings_frame({5: 2**24}), PROTOCOL_ERROR),
    ("6.6: PUSH_PROMISE of a client", frame(5, 4, 1, bytes(5)), PROTOCOL_ERROR),
    ("6.7: PING on a stream", frame(6, 0, 1, bytes(8)), PROTOCOL_ERROR),
    ("6.7: PING of another length", frame(6, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    ("6.8: GOAWAY on a stream", frame(7, 0, 1, bytes(8)), PROTOCOL_ERROR),
    ("6.8: GOAWAY that is too short", frame(7, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    ("6.9: WINDOW_UPDATE of nothing", window_frame(0, 0), PROTOCOL_ERROR),
    ("6.9: WINDOW_UPDATE of another length", frame(8, 0, 0, bytes(3)), FRAME_SIZE_ERROR),
    ("6.9.1: a connection's window beyond 2^31-1", window_frame(0, 2**31 - 1), FLOW_CONTROL_ERROR),
    ("6.10: CONTINUATION without a header block", frame(9, 4, 1, b"\x82"), PROTOCOL_ERROR),
    ("2-3: a flood of CONTINUATION", headers(GET, 1, 1) + frame(9, 0, 1, b"") * 17, ENHANCE_YOUR_CALM),
    ("2-3: a header block without end", headers(GET, 1, 1) + frame(9, 0, 1, bytes(16384)) * 5, ENHANCE_YOUR_CALM),
    ("2-3: a flood of PING", frame(6, 0, 0, bytes(8)) * 1001, ENHANCE_YOUR_CALM),
    ("2-3: a flood of SETTINGS", settings_frame({}) * 1001, ENHANCE_YOUR_CALM),
    ("2-3: settings in great number", frame(4, 0, 0, bytes(6) * 2700) * 4, ENHANCE_YOUR_CALM),
    ("2-3: a flood of PRIORITY", frame(2, 0, 1, bytes(5)) * 1001, ENHANCE_YOUR_CALM),
    ("2-3: a flood of empty DATA", UNFINISHED + frame(0, 0, 1, b"") * 1001, ENHANCE_YOUR_CALM),
    ("2-3: a flood of WINDOW_UPDATE", window_frame(0, 1) * 1001, ENHANCE_YOUR_CALM),
    ("2-3: a flood of unknown frames", frame(99, 0, 0, b"") * 1001, ENHANCE_YOUR_CALM),
]

BROKEN_STREAMS = [
    ("5.1: DATA after END_STREAM", headers(GET) + frame(0, 1, 1, b"x"), STREAM_CLOSED),
    ("5.1: HEADERS after END_STREAM", headers(GET) + headers([]), STREAM_CLOSED),
    ("5.3: a stream that depends on itself", frame(1, 0x25, 1, bytes([0, 0, 0, 1, 0, 0x82])), PROTOCOL_ERROR),
    ("6.3: PRIORITY of another length", UNFINISHED + frame(2, 0, 1, bytes(4)), FRAME_SIZE_ERROR),
    ("6.9: WINDOW_UPDATE of nothing", UNFINISHED + window_frame(1, 0), PROTOCOL_ERROR),
    ("6.9.1: a window beyond 2^31-1", UNFINISHED + window_frame(1, 2**31 - 1), FLOW_CONTROL_ERROR),
    ("6.9.1: DATA beyond the window", UNFINISHED + frame(0, 0, 1, bytes(16384)) * 4, FLOW_CONTROL_ERROR),
    ("8.1: trailers that are not the end", UNFINISHED + headers([(b"a", b"b")], flags=4), PROTOCOL_ERROR),
    ("8.1: a pseudo-header field in trailers", UNFINISHED + headers([(b":path", b"/")]), PROTOCOL_ERROR),
    ("8.1.1: no body against content-length", headers([*POST, (b"content-length", b"1")]), PROTOCOL_ERROR),
    (
        "8.1.1: a body shorter than content-length",
        headers([*POST, (b"content-length", b"2")], flags=4) + frame(0, 1, 1, b"x"),
        PROTOCOL_ERROR,
    ),
    (
        "8.1.1: a body longer than content-length",
        headers([*POST, (b"content-length", b"1")], flags=4) + frame(0, 0, 1, b"xy"),
        PROTOCOL_ERROR,
    ),
]


@pytest.mark.parametrize("drips", [False, True], ids=["at once", "dripping"])
@pytest.mark.parametrize(("why", "frames", "code"), BROKEN_CONNECTIONS, ids=[why for why, _, _ in BROKEN_CONNECTIONS])
def test_what_ends_a_connection(why: str, frames: bytes, code: int, drips: bool) -> None:
    session = opened()
    for data in pieces(frames, 1 if drips and len(frames) < 20000 else len(frames)):
        session.receive(data, 0.0)
    assert connection_error(session) == code
    assert frame(7, 0, 0, b"")[3:9] in session.take()


@pytest.mark.parametrize("drips", [False, True], ids=["at once", "dripping"])
@pytest.mark.parametrize(("why", "frames", "code"), BROKEN_STREAMS, ids=[why for why, _, _ in BROKEN_STREAMS])
def test_what_ends_a_stream(why: str, frames: bytes, code: int, drips: bool) -> None:
    session = opened()
    for data in pieces(frames, 1 if drips else len(frames)):
        session.receive(data, 0.0)
    assert stream_error(session) == code
    assert frame(3, 0, 1, code.to_bytes(4, "big")) in session.take()
    assert 1 not in session.live


@pytest.mark.parametrize(
    "opening",
    [
        b"GET / HTTP/1.1\r\n",
        PREFACE[:-1] + b"x",
        PREFACE + frame(6, 0, 0, bytes(8)),
        PREFACE + frame(4, 0, 1, b""),
        PREFACE + frame(4, 1, 0, b""),
    ],
)
def test_3_4_a_connection_begins_with_preface_and_settings(opening: bytes) -> None:
    session = Session()
    session.receive(opening, 0.0)
    assert connection_error(session) == PROTOCOL_ERROR


def test_2_3_one_stream_too_many_is_refused_and_the_others_go_on() -> None:
    session = opened(*[headers(GET, number) for number in range(1, 203, 2)])
    assert len(session.live) == 100
    assert frame(3, 0, 201, REFUSED_STREAM.to_bytes(4, "big")) in session.take()
    assert not session.is_over


def test_2_3_rapid_reset() -> None:
    """CVE-2023-44487: a client that requests and cancels at once is cut off after 500 times in ten seconds."""
    session = opened()
    for number in range(1, 1001, 2):
        session.receive(headers(GET, number) + frame(3, 0, number, bytes(4)), 0.0)
    assert not session.is_over
    session.receive(headers(GET, 1001) + frame(3, 0, 1001, bytes(4)), 9.9)
    assert connection_error(session) == ENHANCE_YOUR_CALM


def test_2_3_cancelling_now_and_then_is_no_offence() -> None:
    session = opened()
    for number in range(1, 4001, 2):
        session.receive(headers(GET, number) + frame(3, 0, number, bytes(4)), number / 10)
    assert not session.is_over


def test_2_3_made_you_reset() -> None:
    """CVE-2025-8671: a client that makes the server reset its streams is cut off after ten."""
    session = opened()
    for number in range(1, 21, 2):
        session.receive(headers(GET, number) + window_frame(number, 0), 0.0)
    assert not session.is_over
    assert all(stream.was_reset for stream in session.opened.values())
    session.receive(headers(GET, 21) + window_frame(21, 0), 0.0)
    assert connection_error(session) == ENHANCE_YOUR_CALM


def test_2_3_an_upload_at_full_speed_is_not_an_attack() -> None:
    session = opened(UNFINISHED)
    stream = session.opened[1]
    for _ in range(6400):
        session.receive(frame(0, 0, 1, bytes(16384)), 0.0)
        session.consumed(stream, 16384)
        stream.body = b""
    assert session.faults == []


def test_2_2_unread_bodies_hold_up_their_own_stream_only() -> None:
    session = opened(UNFINISHED, frame(0, 0, 1, bytes(16384)) * 3, headers(POST, 3, 4))
    session.receive(frame(0, 0, 3, bytes(16384)) * 3, 0.0)
    session.receive(frame(0, 1, 3, b"end"), 0.0)
    assert session.opened[3].is_complete
    assert session.faults == []


def test_5_5_unknown_frames_and_settings_are_ignored() -> None:
    session = opened(frame(99, 255, 7, b"x"), settings_frame({99: 1}), headers(GET))
    assert session.faults == []
    assert session.opened[1].head is not None


def test_6_7_a_ping_is_answered() -> None:
    session = opened(frame(6, 0, 0, b"12345678"))
    assert session.take().endswith(frame(6, 1, 0, b"12345678"))


def test_a_block_that_says_the_same_means_another_thing_once_the_table_has_changed() -> None:
    """A remembered block must not outlive the table that it refers to (RFC 7541 section 2.3.2)."""
    encoder = HeaderEncoder()
    first = encoder.encode([*GET, (b"x-a", b"1")])
    session = opened(frame(1, 5, 1, first))
    again = encoder.encode([*GET, (b"x-a", b"1")])
    session.receive(frame(1, 5, 3, again) + frame(1, 5, 5, again), 0.0)
    session.receive(frame(1, 5, 7, b"\x82\x87\xc0\xbf\x40\x03x-a\x012"), 0.0)
    heads = [stream.head for stream in session.opened.values()]
    assert [dict(head.headers)[b"x-a"] for head in heads if head] == [b"1", b"1", b"1", b"2"]
    session.receive(frame(1, 5, 9, again), 0.0)
    assert stream_error(session) == PROTOCOL_ERROR, "by now it has no path"


def test_a_block_that_changes_the_table_does_so_each_time() -> None:
    """A block that changes the table must be read each time (RFC 7541 section 6.2.1)."""
    inserts = b"\x82\x86\x84\x41\x03a.t\x40\x03x-a\x011"
    session = opened(frame(1, 5, 1, inserts), frame(1, 5, 3, inserts), frame(1, 5, 5, inserts))
    session.receive(frame(1, 5, 7, b"\x82\x86\x84\xc3\xc2"), 0.0)
    head = session.opened[7].head
    assert head is not None
    assert head.headers == [(b"host", b"a.t"), (b"x-a", b"1")], "entries 4 and 5 of six, the youngest first"
