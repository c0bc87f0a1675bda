"""How far the windows of a client are opened, and when (rule 2-2, RFC 9113 section 5.2)."""

import pytest

from esg_http.coding.faults import StreamFault
from esg_http.h2.coding.codes import FLOW_CONTROL_ERROR
from esg_http.h2.engine.windows import ConnectionWindow, StreamWindow

FIRST = 65535
"""A stream's initial window (RFC 9113 section 6.9.2)."""

MILLION = 2**20


def test_2_2_the_connection_s_window_is_opened_when_half_of_it_is_used() -> None:
    window = ConnectionWindow()
    assert window.take(MILLION // 2 - 1) == 0
    assert window.take(1) == MILLION // 2
    assert window.take(MILLION // 2 + 7) == MILLION // 2 + 7, "whole, as often as it is needed"
    assert window.take(1) == 0


def used(window: StreamWindow, size: int) -> int:
    """Content comes, and is read at once."""
    window.take(size)
    return window.read(size)


def test_6_9_1_a_stream_s_window_is_full_to_the_byte() -> None:
    window = StreamWindow(ConnectionWindow(), FIRST)
    window.take(FIRST)
    with pytest.raises(StreamFault) as caught:
        window.take(1)
    assert caught.value.code == FLOW_CONTROL_ERROR


def test_2_2_a_stream_s_window_is_opened_when_half_of_it_was_read() -> None:
    window = StreamWindow(ConnectionWindow(), FIRST)
    assert used(window, 32767) == 0
    assert used(window, 1) == 32768
    window.take(FIRST)
    assert window.read(32767) == 0, "what comes opens nothing before it is read"
    assert window.read(1) == 32768
    window.take(32768)
    with pytest.raises(StreamFault):
        window.take(1)


def test_2_2_a_window_doubles_while_the_application_keeps_up() -> None:
    window = StreamWindow(ConnectionWindow(), 3 * FIRST)
    assert used(window, 40000) == 40000 + FIRST
    assert used(window, 2 * FIRST) == 2 * FIRST + FIRST, "up to the largest"
    assert used(window, 3 * FIRST) == 3 * FIRST
    window.take(3 * FIRST)
    with pytest.raises(StreamFault):
        window.take(1)


def test_2_2_half_of_an_even_window_is_enough() -> None:
    window = StreamWindow(ConnectionWindow(), 2 * FIRST)
    assert used(window, FIRST) == 2 * FIRST
    assert used(window, FIRST - 1) == 0
    assert used(window, 1) == FIRST


def test_2_2_a_window_grows_to_the_last_byte() -> None:
    assert used(StreamWindow(ConnectionWindow(), FIRST + 1), FIRST) == FIRST + 1


def test_2_2_a_largest_window_below_the_first_takes_nothing_away() -> None:
    whole = ConnectionWindow()
    assert used(StreamWindow(whole, 1000), FIRST) == FIRST
    assert whole.growth == 4 * MILLION


def test_2_3_what_windows_grow_by_is_shared_and_given_back_once() -> None:
    whole = ConnectionWindow()
    assert whole.growth == 4 * MILLION
    whole.growth = FIRST + 5
    first, second = StreamWindow(whole, MILLION), StreamWindow(whole, MILLION)
    assert used(first, FIRST) == 2 * FIRST
    assert whole.growth == 5
    assert used(second, FIRST) == FIRST + 5
    assert whole.growth == 0
    assert used(first, 2 * FIRST) == 2 * FIRST, "nothing is left to grow by"
    first.close()
    first.close()
    assert whole.growth == FIRST
    second.close()
    assert whole.growth == FIRST + 5
