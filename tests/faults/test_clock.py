"""The wall clock is changed while the server runs: dates follow, nothing else does (H-1, H-17)."""

import os
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import get
from tests.support.e2e.programs import needs
from tests.support.e2e.server import Server
from tests.support.e2e.wire import Response
from tests.support.installed import LOOPS

pytestmark = needs("faketime")

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")
DAY = 86400


class Clock:
    """The wall clock of one process, as libfaketime reads it from a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, offset: int) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset:+d}s\n")
        new.replace(self._file)  # libfaketime ends a process that finds half of it
        self.offset = offset

    def environment(self) -> dict[str, str]:
        (library,) = (found for pattern in LIBRARIES for found in Path("/").glob(pattern[1:]))
        return {
            **os.environ,
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "offset")


@pytest.fixture(params=LOOPS)
def server(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Server]:
    options = ("--loop", request.param, "--timeout-keep-alive", "3", "--access-log-format", "json")
    with Server("tests.faults.apps.answering:app", *options, env=clock.environment()) as running:
        assert running.url
        yield running
        assert running.stop() == 0


def off(response: Response) -> float:
    """By how many seconds the date of a response differs from the real time."""
    date = response.header("date")
    assert date is not None
    return parsedate_to_datetime(date).timestamp() - time.time()


def test_the_clock_jumps(server: Server, clock: Clock) -> None:
    with server.connect() as connection:
        assert abs(off(get(connection))) < 2
        for offset in (DAY, -DAY, 400 * DAY, 0):
            clock.set(offset)
            time.sleep(1.1)  # a date is kept for a second
            assert abs(off(get(connection)) - offset) < 2
        began = time.monotonic()
        clock.set(DAY)
        assert connection.recv(1) == b""
        assert 2.9 <= time.monotonic() - began <= 20
    assert "Traceback" not in server.output
