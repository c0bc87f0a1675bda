"""The soak for a few seconds: both loops would take twice as long, and are the same there (W-1, W-3, W-7)."""

import asyncio
import gc
from pathlib import Path

import pytest

from benchmarks.soak.__main__ import main
from benchmarks.soak.serving import Served
from tests.support.certificates import CA


@pytest.mark.slow
def test_a_short_soak(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--seconds", "8", "--pause", "2", "--workers", "1"])
    said = capsys.readouterr().out
    assert code == 0, said
    assert "nothing failed, nothing is left, nothing has grown" in said


def test_connections_over_tls_are_closed_before_the_loop_ends(tmp_path: Path) -> None:
    """One that still waits for the server's part of the end would be reported in whatever test runs later."""
    with Served("tls", tmp_path, CA(), []) as server:
        for _ in range(10):
            asyncio.run(server.note_certificate())
        asyncio.run(server.states())
        gc.collect()
    assert (server.code, len(server.certificates)) == (0, 1)
