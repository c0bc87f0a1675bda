"""Shares of the suite, as other interpreters run them: together, they have every function."""

import pytest

from tests.support.selection import CASES, Share


@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 12, 400])
@pytest.mark.parametrize("total", [1, 2, 6, 24])
def test_each_function_is_in_some_share(total: int, count: int) -> None:
    shares = [set(Share(number, total).cases("test_a.py::test_b", count)) for number in range(1, total + 1)]
    assert max(map(len, shares)) == min(CASES, -(-count // total))
    assert sum(map(len, shares)) == len(set().union(*shares)) > 0
    assert all(shares) == (count >= total)


def test_functions_with_one_case_are_spread_over_all_shares() -> None:
    names = [f"test_a.py::test_{number}" for number in range(600)]
    for number in range(1, 7):
        assert 60 < sum(len(Share(number, 6).cases(name, 1)) for name in names) < 140


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/x", "-1/2"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(pytest.UsageError, match="give a number and how many there are"):
        Share.parse(text)
