"""Cutting bytes into segments."""

import pytest

from esg_core.testing import drip, pieces, random_sizes


def test_a_byte_at_a_time_by_default() -> None:
    assert list(pieces(b"abc")) == [b"a", b"b", b"c"]


def test_one_size_and_a_shorter_rest() -> None:
    assert list(pieces(b"abcdefg", 3)) == [b"abc", b"def", b"g"]


def test_sizes_begin_anew_when_there_are_too_few() -> None:
    assert list(pieces(b"abcdefg", [1, 2])) == [b"a", b"bc", b"d", b"ef", b"g"]


def test_more_sizes_than_needed_do_no_harm() -> None:
    assert list(pieces(b"abc", [2, 5, 9])) == [b"ab", b"c"]


def test_nothing_gives_no_segment() -> None:
    assert list(pieces(b"", 4)) == []


@pytest.mark.parametrize("sizes", [0, -1, [3, 0]])
def test_a_segment_has_a_byte(sizes: int | list[int]) -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        list(pieces(b"abcdef", sizes))


def test_random_sizes_cover_the_length_and_repeat_with_the_seed() -> None:
    sizes = random_sizes(1000, seed=1)
    assert sum(sizes) == 1000
    assert min(sizes) >= 1
    assert sizes == random_sizes(1000, seed=1)
    assert sizes != random_sizes(1000, seed=2)
    assert random_sizes(0, seed=1) == []


def test_random_sizes_have_about_the_mean_asked_for() -> None:
    assert 80 < 100_000 / len(random_sizes(100_000, seed=1, mean=100)) < 120


def test_drip_calls_with_each_segment() -> None:
    received: list[bytes] = []
    drip(received.append, b"abcde", 2)
    assert received == [b"ab", b"cd", b"e"]
