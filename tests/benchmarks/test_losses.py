"""W-3, W-4: nothing is lost when workers are replaced under load; `benchmarks.losses` does the same at length."""

import pytest

from benchmarks.losses.__main__ import main
from benchmarks.losses.wrk import WrkResult, read
from tests.support.e2e.programs import needs

NOTHING = ("--restarts", "0", "--upgrades", "0", "--recycled", "0", "--kills", "0")


@pytest.mark.slow
@needs("wrk")
@pytest.mark.parametrize(
    "options",
    [
        ("--restarts", "1", "--upgrades", "1", "--recycled", "2", "--kills", "1", "--limit", "1000"),
        (*NOTHING, "--restarts", "1", "--", "--http", "h11", "--loop", "asyncio"),
    ],
    ids=["all", "h11-asyncio"],
)
def test_w3_w4_nothing_is_lost_under_load(options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(options)
    output = capsys.readouterr().out
    assert code == 0, output
    assert output.count("lost 0") >= 2


def test_reports_of_wrk_are_understood() -> None:
    report = "  94 requests in 1.00s, 7.00KB read\n"
    errors = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n"
    assert read(report) == WrkResult(94, 0)
    assert read(report + errors) == WrkResult(94, 15)
    with pytest.raises(ValueError, match="no report of wrk:\nunable to connect"):
        read("unable to connect")
