"""What a client may send, to the byte and to the frame (RFC 9113, rule 2-3)."""

import pytest

from esg_http.coding.faults import ConnectionFault, StreamFault
from esg_http.h2.coding.codes import ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, PROTOCOL_ERROR, STREAM_CLOSED
from esg_http.h2.coding.frames import (
    PREFACE,
    SETTINGS_ACK,
    content_of,
    goaway_frame,
    headers_frames,
    ping_frame,
    read_long,
    reset_frame,
    settings_frame,
    window_frame,
)
from esg_http.multiplexed.priority import Priority
from tests.support.http2 import wire
from tests.support.http2.session import Session, session_with
from tests.support.http2.wire import GET, METHOD, PATH, POST, SCHEME, Kind


def codes(session: Session) -> list[tuple[type, int]]:
    return [(type(fault), fault.code) for fault in session.faults]


CALM = [(ConnectionFault, ENHANCE_YOUR_CALM)]


@pytest.mark.parametrize(("more", "expected"), [(0, []), (1, CALM)])
def test_2_3_a_block_in_pieces_may_be_as_large_as_its_fields(more: int, expected: list[tuple[type, int]]) -> None:
    whole = wire.block(GET)
    first, rest = whole[:20], whole[20:]
    sent = wire.raw_headers(1, first, done=False) + wire.continuation(1, rest)
    assert codes(session_with(sent, field_bytes=len(whole) - more)) == expected


@pytest.mark.parametrize(("frames", "expected"), [(16, []), (17, CALM)])
def test_2_3_a_block_may_have_sixteen_more_frames(frames: int, expected: list[tuple[type, int]]) -> None:
    empty = wire.continuation(1, b"", done=False) * (frames - 1)
    sent = wire.raw_headers(1, wire.block(GET), done=False) + empty + wire.continuation(1, b"")
    assert codes(session_with(sent)) == expected


def declined(session: Session) -> int | None:
    error = session.opened[1].declined
    return error.status if error is not None else None


@pytest.mark.parametrize(("more", "status"), [(4, None), (5, 431)])
@pytest.mark.parametrize("host", [b":authority", b"host"])
def test_2_3_fields_are_counted_with_the_host(host: bytes, more: int, status: int | None) -> None:
    fields = [METHOD, SCHEME, PATH, (host, b"a.test"), *[(b"x-%d" % number, b"") for number in range(more)]]
    assert declined(session_with(wire.headers(1, fields), fields=5)) == status


@pytest.mark.parametrize(
    ("crumbs", "others", "status"),
    [(0, 4, None), (0, 5, 431), (1, 3, None), (1, 4, 431), (513, 3, None), (513, 4, 431), (514, 3, 431), (700, 0, 431)],
)
def test_8_2_3_crumbs_of_a_cookie_are_joined_before_fields_are_counted(
    crumbs: int, others: int, status: int | None
) -> None:
    """Except for endless crumbs; the authority counts as one more field."""
    fields = [*GET, *[(b"cookie", b"a=b")] * crumbs, *[(b"x", b"")] * others]
    assert declined(session_with(wire.headers(1, fields), fields=5)) == status


def test_8_2_3_the_bytes_of_crumbs_count() -> None:
    fields = [*GET, *[(b"cookie", b"x" * 94)] * 100]
    most = sum(len(name) + len(value) for name, value in fields)
    crumbs = b"\x60\x5e" + b"x" * 94 + b"\xbe" * 99  # the first one goes into the table, and the others refer to it
    for field_bytes, status in ((most, None), (most - 1, 431)):
        sent = wire.raw_headers(1, wire.block(GET) + crumbs)
        assert declined(session_with(sent, field_bytes=field_bytes)) == status


@pytest.mark.parametrize(("more", "expected"), [(5, []), (6, [(StreamFault, ENHANCE_YOUR_CALM)])])
def test_2_3_trailers_may_be_as_many_as_fields(more: int, expected: list[tuple[type, int]]) -> None:
    trailers = wire.headers(1, [(b"x-%d" % number, b"") for number in range(more)])
    assert codes(session_with(wire.post(1), trailers, fields=5)) == expected


@pytest.mark.parametrize(("size", "status"), [(17, None), (18, 414)])
def test_2_3_method_and_target_have_a_bound(size: int, status: int | None) -> None:
    fields = [METHOD, SCHEME, (b":path", b"/" * size), (b":authority", b"a.test")]
    assert declined(session_with(wire.headers(1, fields), request_line=20)) == status


@pytest.mark.parametrize(("size", "remembered"), [(256, 1), (257, 0)])
def test_2_3_what_is_remembered_of_blocks_is_bounded(size: int, remembered: int) -> None:
    """64 blocks of 256 bytes, none of which changes the table."""
    block = wire.block(GET)
    name = wire.literal(b"x", b"y" * (size - len(block) - 4))
    block += name if len(block + name) == size else wire.literal(b"x", b"y" * (size - len(block) - 5))
    assert len(block) == size
    session = session_with(wire.raw_headers(1, block))
    assert len(session.requests._heads) == remembered
    for number in range(64):
        fields = wire.block([*GET, (b"n", b"%d" % number)])
        session.receive(wire.raw_headers(3 + 4 * number, fields) + wire.reset(3 + 4 * number), 0.0)
        session.receive(wire.raw_headers(5 + 4 * number, fields) + wire.reset(5 + 4 * number), 0.0)
    assert len(session.requests._heads) == (64 if not remembered else 1)
    session.receive(wire.raw_headers(1001, wire.block(GET) + wire.literal(b"a", b"b", how=0x40)), 0.0)
    assert len(session.requests._heads) == 0


def test_9218_7_1_a_priority_that_is_too_late_is_not_kept() -> None:
    session = session_with(wire.headers(1) + wire.reset(1) + wire.priority_update(1))
    assert (session.faults, session.engine.streams.early_priorities) == ([], {})


PRIORITIES: dict[str, tuple[bytes, list[tuple[type, int]]]] = {
    "6.3: of no stream": (wire.priority(0, 3), [(ConnectionFault, PROTOCOL_ERROR)]),
    "6.3: of an idle stream, on itself": (wire.priority(1, 1), [(ConnectionFault, PROTOCOL_ERROR)]),
    "6.3: of an idle stream, too short": (
        wire.frame(Kind.PRIORITY, 1, bytes(4)),
        [(ConnectionFault, FRAME_SIZE_ERROR)],
    ),
    "6.3: on itself": (wire.post(1) + wire.priority(1, 1), [(StreamFault, PROTOCOL_ERROR)]),
    "6.3: too short": (wire.post(1) + wire.frame(Kind.PRIORITY, 1, bytes(4)), [(StreamFault, FRAME_SIZE_ERROR)]),
    "6.3: on another": (wire.post(1) + wire.priority(1, 3), []),
    "7.1: an update of a stream": (
        wire.frame(Kind.PRIORITY_UPDATE, 1, wire.number(1)),
        [(ConnectionFault, PROTOCOL_ERROR)],
    ),
    "7.1: an update for no stream": (wire.priority_update(0), [(ConnectionFault, PROTOCOL_ERROR)]),
    "7.1: an update that is too short": (
        wire.frame(Kind.PRIORITY_UPDATE, 0, bytes(2) + b"\1"),
        [(ConnectionFault, FRAME_SIZE_ERROR)],
    ),
    "7.1: an update that says nothing": (wire.priority_update(1, b""), []),
}


@pytest.mark.parametrize("name", PRIORITIES)
def test_what_is_wrong_with_priorities(name: str) -> None:
    """RFC 9113 section 6.3, RFC 9218 section 7.1."""
    sent, expected = PRIORITIES[name]
    session = session_with(sent)
    assert codes(session) == expected
    section = {"6.3": "RFC 9113 section 6.3", "7.1": "RFC 9218 section 7.1"}[name[:3]]
    assert [fault.section for fault in session.faults] == [section] * len(expected)


def test_9218_7_1_priorities_ahead_count_as_streams() -> None:
    ahead = [wire.priority_update(number) for number in (3, 5)]
    session = session_with(wire.post(1), *ahead, streams=3)
    assert session.faults == []
    session.receive(wire.priority_update(5, b"u=2") + wire.priority_update(1), 0.0)
    assert session.faults == [], "those are there already"
    session.receive(wire.priority_update(7), 0.0)
    assert codes(session) == [(ConnectionFault, PROTOCOL_ERROR)]


def test_9218_7_1_a_priority_ahead_is_for_its_own_request_and_given_up_for_those_passed_over() -> None:
    wishes = [wire.priority_update(number, b"u=%d" % number) for number in (1, 3, 5, 7)]
    session = session_with(*wishes, wire.headers(1), wire.headers(5), streams=5)
    assert [stream.priority.urgency for stream in session.opened.values()] == [1, 5]
    assert session.engine.streams.early_priorities == {7: Priority(7, False)}
    session.receive(wire.headers(9), 0.0)
    assert session.engine.streams.early_priorities == {}
    session.receive(wire.priority_update(7) + wire.priority_update(3), 0.0)
    assert session.engine.streams.early_priorities == {}, "those can no longer come"


@pytest.mark.parametrize(("later", "expected"), [(511, []), (512, [(ConnectionFault, STREAM_CLOSED)])])
def test_5_1_the_last_512_streams_that_were_reset_are_remembered(later: int, expected: list[tuple[type, int]]) -> None:
    """Frames on them were on the way; on others they are an error."""
    session = session_with(wire.post(1), wire.post(3))
    for number in range(1, 3 + 2 * later, 2):
        session.engine.streams.remember_reset(number)
    session.receive(wire.reset(1) + wire.data(1, b"late"), 0.0)
    assert codes(session) == expected


def test_5_4_1_what_comes_after_the_end_does_not_count() -> None:
    session = session_with(wire.post(1), wire.frame(Kind.PING, 1, bytes(8)))
    assert session.is_over
    before = session.take()
    assert before.endswith(goaway_frame(1, PROTOCOL_ERROR, "PING on a stream"))
    session.receive(wire.data(1, b"x") + wire.ping() + wire.headers(3), 0.0)
    assert (session.take(), list(session.opened), session.opened[1].body) == (b"", [1], b"")


def test_6_5_3_settings_are_in_force_once_the_client_says_so() -> None:
    session = Session()
    session.receive(wire.PREFACE + wire.settings(), 0.0)
    assert (session.has_begun, session.is_settled) == (True, False)
    session.receive(wire.SETTINGS_ACK, 0.0)
    assert session.is_settled


def test_6_7_the_answer_to_a_ping_is_handed_on() -> None:
    session = session_with(wire.ping(b"answered", ack=True))
    assert session.pongs == [b"answered"]
    assert session.take() == wire.SETTINGS_ACK


def frames_of(data: bytes) -> list[tuple[int, int, int, bytes]]:
    return [(frame.kind, frame.flags, frame.stream, frame.payload) for frame in wire.read(data)]


@pytest.mark.parametrize(
    ("size", "sizes"), [(0, [0]), (4, [4]), (5, [5]), (6, [5, 1]), (10, [5, 5]), (11, [5, 5, 1]), (15, [5, 5, 5])]
)
@pytest.mark.parametrize("end", [False, True])
def test_6_10_a_block_is_cut_into_as_many_frames_as_it_needs(size: int, sizes: list[int], end: bool) -> None:
    block = bytes(range(size))
    frames = frames_of(headers_frames(7, block, 5, end=end))
    assert [len(payload) for _, _, _, payload in frames] == sizes
    assert b"".join([payload for _, _, _, payload in frames]) == block
    assert {number for _, _, number, _ in frames} == {7}
    assert [kind for kind, _, _, _ in frames] == [Kind.HEADERS] + [Kind.CONTINUATION] * (len(sizes) - 1)
    done = [flags & wire.END_HEADERS for _, flags, _, _ in frames]
    assert done == [0] * (len(sizes) - 1) + [wire.END_HEADERS]
    assert [flags & ~wire.END_HEADERS for _, flags, _, _ in frames] == [int(end)] + [0] * (len(sizes) - 1)


def test_4_1_the_reserved_bit_is_no_part_of_a_number() -> None:
    assert read_long(b"x\xff\xff\xff\xfe", 1) == 2**31 - 2
    assert read_long(b"\x80\0\0\1") == 1


@pytest.mark.parametrize(
    ("payload", "flags", "content", "depends_on"),
    [
        (b"ab", 0, b"ab", None),
        (b"\x02ab\0\0", wire.PADDED, b"ab", None),
        (b"\x02\0\0", wire.PADDED, b"", None),
        (b"\0", wire.PADDED, b"", None),
        (b"\0\0\0\x09\x10ab", wire.WITH_PRIORITY, b"ab", 9),
        (b"\0\0\0\x09\x10", wire.WITH_PRIORITY, b"", 9),
        (b"\x01\0\0\0\x09\x10ab\0", wire.PADDED | wire.WITH_PRIORITY, b"ab", 9),
        (b"\x01\x80\0\0\x09\x10\0", wire.PADDED | wire.WITH_PRIORITY, b"", 9),
    ],
)
def test_6_2_padding_and_priority_are_no_content(
    payload: bytes, flags: int, content: bytes, depends_on: int | None
) -> None:
    assert content_of(payload, flags) == (content, depends_on)


@pytest.mark.parametrize(
    ("payload", "flags", "code"),
    [
        (b"", wire.PADDED, FRAME_SIZE_ERROR),
        (b"\x01", wire.PADDED, PROTOCOL_ERROR),
        (b"", wire.WITH_PRIORITY, FRAME_SIZE_ERROR),
        (b"\0\0\0\x09", wire.WITH_PRIORITY, FRAME_SIZE_ERROR),
        (b"\0\0\0\0\x09", wire.PADDED | wire.WITH_PRIORITY, FRAME_SIZE_ERROR),
        (b"\x01\0\0\0\x09\x10", wire.PADDED | wire.WITH_PRIORITY, PROTOCOL_ERROR),
    ],
)
def test_6_2_a_payload_must_have_room_for_both(payload: bytes, flags: int, code: int) -> None:
    with pytest.raises(ConnectionFault) as caught:
        content_of(payload, flags)
    assert caught.value.code == code


def test_6_the_frames_that_are_written() -> None:
    assert settings_frame({1: 2, 3: 4}) == wire.settings((1, 2), (3, 4))
    assert window_frame(3, 7) == wire.window(3, 7)
    assert reset_frame(3, PROTOCOL_ERROR) == wire.reset(3, PROTOCOL_ERROR)
    assert ping_frame(b"12345678") == wire.ping()
    assert ping_frame(b"12345678", ack=True) == wire.ping(ack=True)
    assert goaway_frame(3, PROTOCOL_ERROR) == wire.goaway(3, PROTOCOL_ERROR)
    assert SETTINGS_ACK == wire.SETTINGS_ACK
    assert PREFACE == wire.PREFACE


def test_8_1_the_size_of_a_body_is_that_of_its_content() -> None:
    session = session_with(wire.headers(1, [*POST, (b"content-length", b"3")], end=False))
    session.receive(wire.frame(Kind.DATA, 1, wire.padded(b"abc", 200), wire.PADDED), 0.0)
    assert session.faults == []
    stream = session.opened[1]
    assert stream.upload is not None
    assert (stream.upload.received, stream.upload.expected) == (3, 0)
    session.receive(wire.data(1, end=True), 0.0)
    assert (session.faults, stream.is_complete) == ([], True)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (1, 0),
        (1, 2**32 - 1),
        (2, 0),
        (2, 1),
        (4, 0),
        (4, 2**31 - 1),
        (5, 16384),
        (5, 2**24 - 1),
        (9, 0),
        (9, 1),
        (99, 7),
    ],
)
def test_6_5_2_the_outermost_values_of_settings(setting: int, value: int) -> None:
    session = session_with(wire.settings((setting, value)))
    assert session.faults == []
    assert session.take() == wire.SETTINGS_ACK * 2


def test_6_5_2_the_table_is_as_small_as_the_client_wants_it() -> None:
    session = session_with(wire.settings((1, 10)))
    assert session.encoder.encode([(b":status", b"200")]) == b"\x2a\x88"


@pytest.mark.parametrize("at", range(1, len(wire.OPENING) + 17))
def test_4_1_frames_are_whole_however_they_are_cut(at: int) -> None:
    """Even if a segment ends within the preface, or has a whole frame before part of another."""
    sent = wire.OPENING + wire.ping(b"-----one") + wire.ping(b"-----two")
    session = Session()
    session.receive(sent[:at], 0.0)
    session.receive(sent[at:], 0.0)
    answers = wire.ping(b"-----one", ack=True) + wire.ping(b"-----two", ack=True)
    assert (session.faults, session.take()) == ([], wire.SETTINGS_ACK + answers)


@pytest.mark.parametrize(
    "first",
    [wire.ping(), wire.SETTINGS_ACK, wire.frame(Kind.SETTINGS, 1), wire.frame(Kind.PUSH_PROMISE, 0, bytes(4))],
)
def test_3_4_the_first_frame_is_settings(first: bytes) -> None:
    session = Session()
    session.receive(wire.PREFACE + first, 0.0)
    assert [str(fault) for fault in session.faults] == ["the first frame is not SETTINGS"]
    assert session.told == {"failed": 1, "output": 1}


def test_the_connection_is_told_what_to_time() -> None:
    """H-17: about the preface, a block that has begun, the last stream."""
    session = Session()
    session.receive(wire.PREFACE, 0.0)
    assert session.told == {}
    session.receive(wire.settings() + wire.headers(done=False), 0.0)
    assert session.told == {"start": 1, "output": 1, "block": 1}
    session.receive(wire.continuation(1, b"") + wire.post(3) + wire.reset(1), 0.0)
    assert session.told == {"start": 1, "output": 1, "block": 1}
    session.receive(wire.reset(3), 0.0)
    assert session.told == {"start": 1, "output": 1, "block": 1, "no streams": 1}
    session.receive(wire.frame(Kind.PING, 1, bytes(8)), 0.0)
    assert session.told == {"start": 1, "output": 2, "block": 1, "no streams": 1, "failed": 1}


def test_2_2_content_is_handed_on_before_its_frame_is_whole() -> None:
    """Except for padded frames: where their content ends is not known yet."""
    session = session_with(wire.post(1), wire.post(3))
    sent = wire.data(1, b"0123456789", end=True)
    for begin, end, body in ((0, 9, b""), (9, 12, b"012"), (12, 18, b"012345678"), (18, 19, b"0123456789")):
        session.receive(sent[begin:end], 0.0)
        assert session.opened[1].body == body
    assert session.opened[1].is_complete
    padded = wire.frame(Kind.DATA, 3, wire.padded(b"0123456789", 9), wire.PADDED)
    session.receive(padded[:15], 0.0)
    assert session.opened[3].body == b""
    session.receive(padded[15:], 0.0)
    assert session.opened[3].body == b"0123456789"


def test_6_10_data_within_a_block_is_no_better_in_pieces() -> None:
    session = session_with(wire.post(1), wire.headers(3, done=False))
    sent = wire.data(1, b"0123456789")
    session.receive(sent[:12], 0.0)
    session.receive(sent[12:], 0.0)
    assert codes(session) == [(ConnectionFault, PROTOCOL_ERROR)]
    assert session.opened[1].body == b""


def test_5_4_2_the_rest_of_a_frame_whose_stream_was_reset_is_skipped() -> None:
    """Within a frame that is too long, and before the next one."""
    session = session_with(wire.headers(1, [*POST, (b"content-length", b"2")], end=False))
    sent = wire.data(1, b"0123456789", end=True) + wire.ping()
    for at in range(0, len(sent), 4):
        session.receive(sent[at : at + 4], 0.0)
    assert codes(session) == [(StreamFault, PROTOCOL_ERROR)]
    stream = session.opened[1]
    assert (stream.was_reset, stream.is_complete) == (True, False)
    assert session.take() == wire.SETTINGS_ACK + wire.reset(1, PROTOCOL_ERROR) + wire.ping(ack=True)


@pytest.mark.parametrize(
    "frame",
    [wire.data(1, b"x"), wire.continuation(3, b""), wire.window(1, 1), wire.ping(), wire.post(3), wire.reset(1)],
)
def test_6_10_between_the_frames_of_a_block_there_is_no_other(frame: bytes) -> None:
    session = session_with(wire.post(1), wire.headers(1, [(b"a", b"b")], done=False), frame)
    assert codes(session) == [(ConnectionFault, PROTOCOL_ERROR)]
    assert str(session.faults[0]) == "a frame within a header block"
    assert session.opened[1].body == b""
