"""Requests as frames: header blocks, trailers, refusals, DATA in pieces (RFC 9113 sections 5.3, 6.1, 6.2, 8.1; 2-3)."""

from dataclasses import replace

import pytest

from esg_http.h2.coding.codes import PROTOCOL_ERROR, REFUSED_STREAM
from esg_http.multiplexed.states import HALF_CLOSED_THEIRS, OPEN
from tests.support.http2 import wire
from tests.support.http2.session import LIMITS, Session, session_with
from tests.support.http2.wire import GET, PADDED, POST, WITH_PRIORITY

BOTH = PADDED | WITH_PRIORITY
WHOLE = wire.block(GET)


@pytest.mark.parametrize(
    ("payload", "flags"),
    [
        (WHOLE, 0),
        (wire.padded(WHOLE, 7), PADDED),
        (wire.priority_fields(3) + WHOLE, WITH_PRIORITY),
        (wire.padded(wire.priority_fields(3) + WHOLE, 7), BOTH),
    ],
)
@pytest.mark.parametrize("more", [False, True])
def test_6_2_a_request_arrives_whatever_stands_around_its_block(payload: bytes, flags: int, more: bool) -> None:
    session = session_with(wire.raw_headers(1, payload, flags, done=not more))
    if more:
        session.receive(wire.continuation(1, wire.literal(b"a", b"b")), 0.0)
    session.receive(wire.ping(), 0.0)
    assert session.faults == []
    stream = session.opened[1]
    assert stream.head is not None
    assert stream.head.headers == [(b"host", b"a.test"), (b"a", b"b")][: 1 + more]
    assert (stream.state, stream.is_complete, stream.upload, session.last) == (HALF_CLOSED_THEIRS, True, None, 1)
    assert session.take() == wire.SETTINGS_ACK + wire.ping(ack=True)


@pytest.mark.parametrize("more", [False, True])
def test_5_3_a_stream_that_depends_on_itself_is_reset(more: bool) -> None:
    sent = wire.raw_headers(1, wire.priority_fields(1) + WHOLE, WITH_PRIORITY, done=not more)
    session = session_with(sent, wire.continuation(1, b"") if more else b"", wire.headers(3))
    assert [str(fault) for fault in session.faults] == ["a stream depends on itself"]
    assert list(session.opened) == [3]
    assert session.take() == wire.SETTINGS_ACK + wire.reset(1, PROTOCOL_ERROR)


@pytest.mark.parametrize(("length", "is_whole"), [(b"0", True), (b"1", False)])
def test_8_1_1_a_request_without_a_body_may_say_that_it_has_none(length: bytes, is_whole: bool) -> None:
    session = session_with(wire.headers(1, [*POST, (b"content-length", length)]))
    assert (session.faults == []) == is_whole
    assert [stream.is_complete for stream in session.opened.values()] == [True] * is_whole


def test_8_1_a_request_with_a_body_is_not_whole() -> None:
    session = session_with(wire.post(1))
    stream = session.opened[1]
    assert (stream.state, stream.is_complete) == (OPEN, False)
    upload = stream.upload
    assert upload is not None
    assert (upload.received, upload.expected < 0) == (0, True)
    session.receive(wire.data(1, b"abc") + wire.headers(1, [(b"x-sum", b"1")]), 0.0)
    assert (stream.state, stream.is_complete, stream.body) == (HALF_CLOSED_THEIRS, True, b"abc")
    assert session.opened[1].upload is None


class Busy(Session):
    """A session whose closed streams count as running calls until `count_leftovers()`."""

    def count_leftovers(self) -> None:
        super().count_leftovers()
        self.requests.leftovers = 1


def test_2_3_calls_that_go_on_are_counted_when_there_is_no_room() -> None:
    """Not earlier: the cost is proportional to their number."""
    session = Busy(replace(LIMITS, streams=3))
    session.receive(wire.OPENING + wire.post(1), 0.0)
    assert session.told["leftovers"] == 0
    session.requests.leftovers = 2
    session.receive(wire.post(3), 0.0)
    assert (session.told["leftovers"], list(session.opened)) == (1, [1, 3])
    session.take()
    session.receive(wire.post(5), 0.0)
    assert (session.told["leftovers"], list(session.opened)) == (2, [1, 3])
    assert session.take() == wire.reset(5, REFUSED_STREAM)
    session.receive(wire.data(5, b"on its way"), 0.0)
    assert session.faults == []


def test_5_1_1_what_is_ignored_counts_as_opened_and_as_reset() -> None:
    """After the last GOAWAY (section 6.8): the tables stay in step, and its frames are tolerated."""
    session = session_with(wire.post(1))
    session.requests.ignores_new = True
    session.receive(wire.raw_headers(3, WHOLE + wire.literal(b"a", b"b", how=0x40), end=False), 0.0)
    session.receive(wire.data(3, b"x") + wire.raw_headers(1, b"\xbe"), 0.0)
    assert (session.faults, list(session.opened), session.last) == ([], [1], 3)
    assert session.opened[1].is_complete, "of trailers that are in the table"


def test_8_1_trailers_without_the_end_say_where_that_is_wrong() -> None:
    session = session_with(wire.post(1), wire.headers(1, [(b"a", b"b")], end=False))
    (fault,) = session.faults
    assert (str(fault), fault.section) == (
        "malformed request: a second header section without END_STREAM",
        "RFC 9113 section 8.1",
    )


def test_6_9_what_comes_opens_the_connection_s_window_also_for_streams_that_are_gone() -> None:
    """Half a million bytes, some of them on the way to a stream that was reset."""
    session = session_with(wire.post(1), wire.post(3), wire.window(1, 0))
    session.take()
    session.receive(wire.data(1, bytes(16384)) * 31, 0.0)
    assert session.take() == b""
    session.receive(wire.data(1, bytes(16384)), 0.0)
    assert session.take() == wire.window(0, 2**19)


def test_6_9_1_padding_is_counted_and_given_back() -> None:
    """It is never read, so the stream's window opens again for it, but not for unread content."""
    session = session_with(wire.post(1))
    session.take()
    frame = wire.frame(wire.Kind.DATA, 1, wire.padded(b"c" * 24, 231), PADDED)
    session.receive(frame * 141, 0.0)
    assert session.take() == b""
    session.receive(frame, 0.0)
    opened = session.take()
    assert opened[:9] == wire.window(1, 0)[:9]
    assert int.from_bytes(opened[9:], "big") == 142 * 232 + 65535, "and as much again, since half of it was used"


def test_6_9_1_a_frame_counts_whole_when_it_begins() -> None:
    session = session_with(wire.post(1), wire.data(1, bytes(16384)) * 3)
    session.receive(wire.data(1, bytes(16383))[:10], 0.0)
    assert session.faults == []
    session = session_with(wire.post(1), wire.data(1, bytes(16384)) * 3)
    session.receive(wire.data(1, bytes(16384))[:10], 0.0)
    assert [str(fault) for fault in session.faults] == ["more data than the window allows"]


def test_5_1_the_beginning_of_a_frame_on_a_reset_stream_is_tolerated() -> None:
    session = session_with(wire.post(1), wire.window(1, 0))
    sent = wire.data(1, b"0123456789", end=True)
    for at in range(0, len(sent), 6):
        session.receive(sent[at : at + 6], 0.0)
    assert [str(fault) for fault in session.faults] == ["a window opened by 0"]
    assert session.opened[1].body == b""


def test_h20_a_frame_that_is_over_holds_no_stream() -> None:
    session = session_with(wire.post(1))
    sent = wire.data(1, b"0123456789")
    session.receive(sent[:12], 0.0)
    assert session.engine.data.stream is session.opened[1]
    session.receive(sent[12:], 0.0)
    assert session.engine.data.stream is None


def test_6_1_data_of_no_stream_is_called_that() -> None:
    (fault,) = session_with(wire.post(1), wire.data(0, b"x")).faults
    assert (str(fault), fault.section) == ("DATA on no stream", "RFC 9113 section 6.1")


def test_what_is_remembered_of_blocks_is_forgotten_with_the_table_once() -> None:
    """And remembered again from then on (RFC 7541 section 2.3.2)."""
    session = session_with(wire.headers(1))
    assert len(session.requests._heads) == 1
    session.receive(wire.raw_headers(3, WHOLE + wire.literal(b"a", b"b", how=0x40)), 0.0)
    assert session.requests._heads == {}
    for number, fields in ((5, GET), (7, [*GET, (b"c", b"d")])):
        session.receive(wire.headers(number, fields), 0.0)
    assert len(session.requests._heads) == 2


@pytest.mark.parametrize("last", [wire.data(1, end=True), wire.reset(1), wire.window(1, 0), wire.headers(1, [])])
def test_2_3_what_a_window_has_grown_by_is_for_others_when_no_more_comes(last: bytes) -> None:
    session = session_with(wire.post(1), wire.data(1, bytes(16384)) * 3)
    before = session.engine.data.window.growth
    session.consumed(session.opened[1], 3 * 16384)
    assert session.engine.data.window.growth == before - 65535
    session.receive(last, 0.0)
    assert session.engine.data.window.growth == before
    assert session.opened[1].upload is None


def test_5_1_a_malformed_request_is_tolerated_to_its_end() -> None:
    session = session_with(wire.headers(1, [*GET, (b"Upper", b"case")], end=False), wire.data(1, b"x", end=True))
    assert len(session.faults) == 1
    assert not session.is_over


def test_2_2_the_header_of_a_frame_alone_is_no_content(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application is not woken for it."""
    session = session_with(wire.post(1))
    parts: list[bytes] = []
    monkeypatch.setattr(session.opened[1], "on_content", parts.append)
    sent = wire.data(1, b"0123456789")
    for part in (sent[:9], sent[9:11], sent[11:]):
        session.receive(part, 0.0)
    assert parts == [b"01", b"23456789"]
