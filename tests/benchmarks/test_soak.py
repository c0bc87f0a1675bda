"""The soak for a few seconds: both loops would take twice as long, and are the same there (W-1, W-3, W-7)."""

import pytest

from benchmarks.soak.__main__ import main


@pytest.mark.slow
def test_a_short_soak(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--seconds", "8", "--pause", "2", "--workers", "1"])
    said = capsys.readouterr().out
    assert code == 0, said
    assert "nothing failed, nothing is left, nothing has grown" in said
