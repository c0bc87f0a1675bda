"""Whose turn it is, and how much of it is sent (rule 2-4, RFC 9113 sections 5.4 and 6.9, RFC 9218)."""

import pytest

from esg_http.h2.coding.codes import ENHANCE_YOUR_CALM
from tests.support.http2 import wire
from tests.support.http2.session import asked_session, first, said
from tests.support.http2.wire import Setting

FULL = 16384


def test_2_3_a_stream_that_is_reset_between_two_turns_has_no_more_of_them() -> None:
    session = asked_session(wire.settings((Setting.INITIAL_WINDOW_SIZE, 10**6)))
    session.send_data(first(session), bytes(5 * FULL), end=True)
    assert session.fill(FULL)
    session.receive(wire.reset(1), 0.0)
    assert not session.fill(FULL)
    assert said(session) == [(1, FULL, False)]


def test_2_4_what_waits_keeps_others_from_going_first() -> None:
    session = asked_session(wire.settings((Setting.INITIAL_WINDOW_SIZE, 10**6)), requests=2)
    one, other = session.opened.values()
    session.send_data(one, b"x" * 20000, end=True)
    session.send_data(other, b"y", end=True)
    assert session.out == []
    assert said(session) == [(1, FULL, False), (3, 1, True), (1, 20000 - FULL, True)]
    session.receive(wire.headers(5), 0.0)
    session.send_data(session.opened[5], b"z", end=True)
    assert len(session.out) == 1, "at once again"


def test_2_4_one_whose_window_is_full_does_not_keep_others_waiting() -> None:
    session = asked_session(wire.settings((Setting.INITIAL_WINDOW_SIZE, 5)), requests=2)
    one, other = session.opened.values()
    session.send_data(one, b"123456", end=True)
    assert said(session) == [(1, 5, False)]
    session.send_data(other, b"y", end=True)
    assert len(session.out) == 1
    session.receive(wire.window(1, 1), 0.0)
    assert said(session) == [(3, 1, True), (1, 1, True)]


def test_nothing_is_framed_while_the_transport_takes_nothing() -> None:
    session = asked_session(requests=2)
    one, other = session.opened.values()
    session.set_stuck(True)
    session.send_data(one, b"x", end=True)
    assert (session.out, one.is_queued) == ([], True)
    session.set_stuck(False)
    session.send_data(other, b"y", end=True)
    assert session.out == [], "behind the one that waits"
    assert said(session) == [(1, 1, True), (3, 1, True)]


def test_5_4_2_what_is_unsent_of_a_stream_that_is_reset_is_forgotten() -> None:
    session = asked_session(requests=2)
    one, other = session.opened.values()
    session.send_data(one, b"x" * 20000, end=True)
    session.reset(one, ENHANCE_YOUR_CALM)
    assert (one.unsent, one.is_queued, one.moves) == (None, False, 1)
    session.send_data(other, b"y", end=True)
    assert b"".join(session.out) == wire.reset(1, ENHANCE_YOUR_CALM) + wire.data(3, b"y", end=True)
    assert said(session) == [(3, 1, True)]


def test_9218_7_a_response_that_is_not_waiting_may_change_its_priority() -> None:
    session = asked_session(requests=2)
    one, other = session.opened.values()
    session.receive(wire.priority_update(3, b"u=0"), 0.0)
    session.set_stuck(True)
    for stream in (one, other):
        session.send_data(stream, b"x", end=True)
    session.set_stuck(False)
    assert said(session) == [(3, 1, True), (1, 1, True)]


@pytest.mark.parametrize("left", [0, -1])
def test_6_9_what_waits_for_its_own_window_is_not_in_the_line(left: int) -> None:
    session = asked_session()
    stream = first(session)
    stream.window = left
    session.told.clear()
    session.send_data(stream, b"x", end=True)
    assert (stream.is_queued, session.told) == (False, {"unsent": 1})
    if left:
        session.receive(wire.window(1, -left), 0.0)
    assert not stream.is_queued
    session.receive(wire.window(1, 1), 0.0)
    assert stream.is_queued
    assert said(session) == [(1, 1, True)]


def test_room_for_one_byte_is_room() -> None:
    session = asked_session()
    session.send_data(first(session), b"x" * 20000, end=True)
    assert session.fill(1) is True
    assert said(session)[0] == (1, 1, False)


def test_2_4_room_that_a_response_does_not_use_is_for_the_next() -> None:
    session = asked_session(requests=3)
    session.set_stuck(True)
    for stream in session.opened.values():
        session.send_data(stream, b"x" * 10, end=True)
    session.set_stuck(False)
    assert session.fill(20) is True
    assert [frame.stream for frame in wire.read(b"".join(session.out))] == [1, 3]


def test_6_9_2_a_response_whose_window_is_taken_back_before_its_turn_has_not_moved() -> None:
    """So its deadline stays (H-17), and it leaves the line until the window opens."""
    session = asked_session()
    session.send_data(first(session), bytes(20000), end=True)
    session.receive(wire.settings((Setting.INITIAL_WINDOW_SIZE, 0)), 0.0)
    assert said(session) == []
    unsent = first(session).unsent
    assert unsent is not None
    assert (unsent.moved, first(session).moves, first(session).is_queued) == (0, 0, False)
    session.receive(wire.window(1, 1), 0.0)
    assert said(session) == [(1, 1, False)]
