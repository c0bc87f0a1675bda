"""How slowly a client may read (rule H-17; timeout-write, timeout-write-rate)."""

import math
from typing import Any

import pytest

from esg_core.options.config import Config
from esg_core.write_pace import WriteLimits, WritePace


def given_up_after(limits: WriteLimits, moved: list[int]) -> float:
    """When a client is given up that has read that many bytes at each look, and nothing more after the last."""
    pace = WritePace(limits, 0)
    for bytes_read in [*moved, *[0] * 100]:
        now = pace.due
        if pace.is_too_slow(bytes_read, now):
            return now
    return math.inf


@pytest.mark.parametrize(
    ("moved", "end"),
    [
        ([], 8),
        ([1], 8),
        ([1, 0, 0, 1], 8),
        ([20, 20, 20, 20], 10),
        ([80], 10),
        ([0, 80], 12),
        ([0, 0, 79, 0], 8),
        ([80, 0, 0, 0, 80], 18),
        ([1000, 0, 0, 0, 0], 10),
    ],
)
def test_h17_the_rate_is_averaged_over_the_time_out(moved: list[int], end: float) -> None:
    """A pause is no offence, a byte now and then is: at least 80 in any 8 seconds."""
    assert given_up_after(WriteLimits(8, 10), moved) == end


def test_h17_a_client_that_keeps_the_rate_is_never_given_up() -> None:
    pace = WritePace(WriteLimits(8, 10), 0)
    for _ in range(1000):
        assert not pace.is_too_slow(20, pace.due)


def test_h17_without_a_rate_any_byte_counts() -> None:
    pace = WritePace(WriteLimits(8, 0), 0)
    for _ in range(1000):
        assert not pace.is_too_slow(1, pace.due)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, WriteLimits(60, 240)),
        ({"timeout_write": 0, "timeout_write_rate": 10}, WriteLimits(math.inf, 10)),
        ({"timeout_write": 5, "timeout_write_rate": 0}, WriteLimits(5, 0)),
    ],
)
def test_the_limits_are_those_of_the_options(options: dict[str, Any], expected: WriteLimits) -> None:
    assert WriteLimits.of(Config("tests:app", **options)) == expected
