"""The soak for a few seconds: both loops would take twice as long, and are the same there (W-1, W-3, W-7)."""

import asyncio
import gc
from pathlib import Path

import pytest

from benchmarks.soak.__main__ import main
from benchmarks.soak.growth import grown_parent
from benchmarks.soak.http1 import Target
from benchmarks.soak.metrics import Scraper
from benchmarks.soak.serving import Served
from tests.support.certificates import CA


@pytest.mark.slow
def test_a_short_soak(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--seconds", "8", "--pause", "2", "--workers", "1"])
    said = capsys.readouterr().out
    assert code == 0, said
    assert "nothing failed, nothing is left, nothing has grown" in said


def test_counters_that_fall_or_vanish_are_noticed() -> None:
    scraper = Scraper(Target("tls", 0))
    scraper.take('# TYPE a counter\na_total{x="1 2"} 3\nb_total 1\nlive 9\n')
    scraper.take('a_total{x="1 2"} 4\nb_total 1\nlive 2\n')
    assert scraper.wrong == []
    scraper.take('a_total{x="1 2"} 3\n')
    assert scraper.wrong == [
        'tls: metrics: a_total{x="1 2"} has fallen from 4 to 3',
        "tls: metrics: b_total has fallen from 1 to nothing",
    ]


def test_a_parent_that_grows_is_noticed() -> None:
    assert grown_parent("tls", [(1000, 10)] * 9) == []
    assert grown_parent("tls", [(1000, 10)] * 5 + [(1200, 20)] * 4) == [
        "tls: parent has grown from 1000 to 1200 KiB",
        "tls: parent has 20 descriptors after 10",
    ]


def test_connections_over_tls_are_closed_before_the_loop_ends(tmp_path: Path) -> None:
    """One that still waits for the server's part of the end would be reported in whatever test runs later."""
    with Served("tls", tmp_path, CA(), []) as server:
        for _ in range(10):
            asyncio.run(server.note_certificate())
        asyncio.run(server.states())
        gc.collect()
    assert (server.code, len(server.certificates)) == (0, 1)
