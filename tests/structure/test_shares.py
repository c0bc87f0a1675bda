"""Shares of the suite, as other interpreters run them: together, they have every function."""

from pathlib import Path

import pytest

from tests.support.selection import CASES, ROOT, Share

PATHS = [f"tests/test_{number}.py" for number in range(600)]


@pytest.mark.parametrize("total", [1, 2, 6, 24])
def test_each_function_is_in_one_share(total: int) -> None:
    for path in PATHS:
        assert sum(Share(number, total).has(path, "test_b") for number in range(1, total + 1)) == 1


def test_functions_are_spread_over_all_shares() -> None:
    for number in range(1, 7):
        assert 60 < sum(Share(number, 6).has(path, "test_b") for path in PATHS) < 140


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12])
def test_a_share_has_few_cases_of_a_function_and_the_next_has_others(count: int) -> None:
    shares = [Share(number, 24).cases(count) for number in range(1, 25)]
    assert {len(share) for share in shares} == {min(CASES, count)}
    assert set().union(*shares) == set(range(count))


def test_a_module_without_tests_of_a_share_is_not_read() -> None:
    module = ROOT / "tests/support/selection.py"
    assert not any(Share(number, 6).may_have(module) for number in range(1, 7))
    assert [Share(number, 6).may_have(Path(__file__)) for number in range(1, 7)] == [False] * 6
    assert all(Share(number, 6).may_have(ROOT / "tests/e2e/test_wire.py") for number in range(1, 7))


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/x", "-1/2"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(pytest.UsageError, match="give a number and how many there are"):
        Share.parse(text)
