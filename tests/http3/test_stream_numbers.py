"""Streams may come in any order, and each comes once (RFC 9000 section 2.1)."""

import pytest

from esg_http.coding.faults import ConnectionFault
from esg_http.h3.coding.codes import H3_EXCESSIVE_LOAD
from esg_http.h3.engine.streams import StreamNumbers

MOST_SKIPPED = 4096


def test_each_number_is_new_once() -> None:
    numbers = StreamNumbers(0)
    taken = [numbers.take(number) for number in (0, 12, 4, 12, 4, 8, 8, 0, 16)]
    assert taken == [True, True, True, False, False, True, False, False, True]
    assert numbers.last == 16


def test_what_is_still_to_come() -> None:
    numbers = StreamNumbers(2)
    numbers.take(10)
    assert [numbers.is_ahead(number) for number in (2, 6, 10, 14)] == [True, True, False, True]
    numbers.take(6)
    assert [numbers.is_ahead(number) for number in (2, 6)] == [True, False]


def test_so_many_may_be_skipped() -> None:
    numbers = StreamNumbers(0)
    assert numbers.take(4 * (MOST_SKIPPED - 1))
    for at, skips in ((StreamNumbers(0), 4 * MOST_SKIPPED), (numbers, numbers.last + 8)):
        with pytest.raises(ConnectionFault) as raised:
            at.take(skips)
        assert raised.value.code == H3_EXCESSIVE_LOAD
