"""Connections that come faster than they can be served, and go again (H-20)."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.behaviour.lifecycle import get
from tests.support.e2e.server import serving
from tests.support.faults.servers import Watched, reset
from tests.support.installed import LOOPS

SECONDS = 1.0
MOST = 20_000
"""The most connections of one storm."""


@pytest.fixture(params=LOOPS)
def watched(request: pytest.FixtureRequest) -> Iterator[Watched]:
    with serving("tests.faults.apps.answering:app", "--loop", request.param, "--no-access-log") as server:
        yield Watched(server, is_tls=False)


@pytest.mark.parametrize("says", [b"", b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n"], ids=["silent", "asking"])
def test_a_storm_of_connections(watched: Watched, says: bytes) -> None:
    """Connected clients are served meanwhile; afterwards nothing is left, and the log is silent."""
    before = watched.state()
    stop = threading.Event()
    stormed: list[int] = []

    def storm() -> None:
        count = 0
        while not stop.is_set() and count < MOST:
            connection = socket.create_connection(("127.0.0.1", watched.server.port), 20)
            connection.sendall(says)
            reset(connection)
            count += 1
        stormed.append(count)

    threads = [threading.Thread(target=storm) for _ in range(2)]
    with watched.connect() as running:
        for thread in threads:
            thread.start()
        end, slowest = time.monotonic() + SECONDS, 0.0
        while time.monotonic() < end:
            began = time.monotonic()
            assert get(running).status == 200
            slowest = max(slowest, time.monotonic() - began)
        stop.set()
        for thread in threads:
            thread.join()
    assert sum(stormed) > 200
    assert slowest < 1
    watched.settles_at(before)
