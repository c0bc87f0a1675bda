"""The law of the adaptive limit (rule A-4)."""

from math import ceil, floor, sqrt

import pytest

from esg_core.overload.aimd import AIMD, Window

BUSY, CALM = 1.0, 0.0


def limits(policy: AIMD, first: int, windows: list[tuple[float, int]]) -> list[int]:
    """What becomes of a limit over windows with a utilisation and a peak."""
    seen = [first]
    for utilisation, peak in windows:
        seen.append(policy.on_window(Window(utilisation, None, peak, seen[-1])))
    return seen[1:]


def falling(first: int, windows: int) -> list[int]:
    """An overload in which the limit is always reached."""
    return limits(AIMD(1, 1000, 0.95), first, [(BUSY, 1000)] * windows)


def rising(first: int, windows: int, highest: int = 1000) -> list[int]:
    return limits(AIMD(1, highest, 0.95), first, [(CALM, 0)] * windows)


def test_the_limit_falls_by_a_tenth() -> None:
    assert falling(1000, 8) == [900, 810, 729, 656, 590, 531, 477, 429]
    assert falling(10, 10) == [9, 8, 7, 6, 5, 4, 3, 2, 1, 1]


def test_how_many_windows_a_fall_takes() -> None:
    seen = falling(1000, 60)
    assert next(number for number, limit in enumerate(seen, 1) if limit <= 20) == 36
    assert seen.index(1) + 1 == 49


def test_the_limit_rises_by_its_root() -> None:
    assert rising(1, 12) == [2, 4, 6, 9, 12, 16, 20, 25, 30, 36, 42, 49]
    assert rising(531, 1) == [555]


def test_how_many_windows_a_rise_takes() -> None:
    assert rising(1, 62).index(1000) + 1 == 62
    assert rising(1, 7, highest=20)[-2:] == [16, 20]


def test_one_step_down_and_one_up() -> None:
    for limit in range(1, 1001):
        assert falling(limit, 1) == [max(1, floor(limit * 0.9))]
        assert rising(limit, 1, highest=10_000) == [limit + ceil(sqrt(limit))]


def test_the_limit_keeps_between_the_least_and_the_most() -> None:
    policy = AIMD(5, 20, 0.95)
    assert limits(policy, 7, [(BUSY, 7)] * 4) == [6, 5, 5, 5]
    assert limits(policy, 18, [(CALM, 0)] * 2) == [20, 20]


@pytest.mark.parametrize(("utilisation", "limit"), [(0.95, 9), (0.9499, 14), (1.0, 9), (0.0, 14)])
def test_overload_begins_at_the_threshold(utilisation: float, limit: int) -> None:
    assert limits(AIMD(1, 100, 0.95), 10, [(utilisation, 10)]) == [limit]


@pytest.mark.parametrize(("peak", "limit"), [(0, 100), (49, 100), (50, 45), (51, 45), (100, 90)])
def test_a_limit_that_nobody_comes_near_is_kept(peak: int, limit: int) -> None:
    """Something else keeps the loop busy; from half of the limit on, the requests do."""
    assert limits(AIMD(1, 100, 0.95), 100, [(BUSY, peak)]) == [limit]


def test_an_uneven_limit_has_its_half_between_two_numbers() -> None:
    assert limits(AIMD(1, 100, 0.95), 11, [(BUSY, 5)]) == [11]
    assert limits(AIMD(1, 100, 0.95), 11, [(BUSY, 6)]) == [5]


def test_the_first_cut_of_an_episode_starts_from_what_ran() -> None:
    """Then from the limit, until a window without overload ends the episode."""
    policy = AIMD(1, 1000, 0.95)
    assert limits(policy, 1000, [(BUSY, 600), (BUSY, 500), (BUSY, 300)]) == [540, 486, 437]
    assert limits(policy, 437, [(CALM, 300), (BUSY, 300)]) == [458, 270]


def test_a_window_that_only_holds_the_limit_does_not_use_up_the_first_cut() -> None:
    assert limits(AIMD(1, 1000, 0.95), 1000, [(BUSY, 100), (BUSY, 600)]) == [1000, 540]


def test_more_may_have_run_than_the_limit_allows_now() -> None:
    """A limit that has fallen below what runs is cut from itself."""
    assert limits(AIMD(1, 1000, 0.95), 10, [(BUSY, 500)]) == [9]
