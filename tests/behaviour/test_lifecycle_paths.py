"""L-2 and A-6: the shutdown of a busy server, over each parser, loop and wire."""

import signal
import socket
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import (
    APP,
    Clock,
    answer,
    connect_tls,
    get,
    is_closed,
    request,
    started,
    wait_until_refused,
)
from tests.support.e2e.server import Server
from tests.support.installed import LOOPS, PARSERS

WAYS = tuple(product(LOOPS, PARSERS, ("tcp", "tls")))
TWO_RUN = ("--backpressure", "--backpressure-max-limit", "2", "--health")


@pytest.fixture(params=WAYS, ids="-".join)
def way(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    found: tuple[str, str, str] = request.param
    return found


@pytest.fixture
def server(way: tuple[str, str, str], certificate: Path) -> Iterator[Server]:
    loop, parser, wire = way
    tls = ("--ssl-certfile", str(certificate)) if wire == "tls" else ()
    with started(APP, loop, "--http", parser, *TWO_RUN, *tls) as running:
        yield running


@pytest.fixture
def connections(way: tuple[str, str, str], server: Server) -> Iterator[list[socket.socket]]:
    found: list[socket.socket] = [connect_tls(server) if way[2] == "tls" else server.connect() for _ in range(4)]
    yield found
    for connection in found:
        connection.close()


@pytest.mark.slow
def test_l2_the_end_of_a_busy_server(server: Server, connections: list[socket.socket]) -> None:
    """L-2, A-6: idle connections close, the waiting request is refused, both running ones get their whole responses."""
    idle, running, streaming, waiting = connections
    assert get(idle, "/__esg_ready__").body == b"ok"
    running.sendall(request("/sleep?s=1"))
    server.wait_for("sleeping")
    streaming.sendall(request("/stream?parts=8"))
    server.wait_for("part 0")
    waiting.sendall(request("/"))
    assert get(idle, "/__esg_health__").status == 200  # so the one before it has been read as well
    server.process.send_signal(signal.SIGTERM)
    clock = Clock()
    assert is_closed(idle)
    refusal = answer(waiting)
    assert clock.seconds < 5
    assert (refusal.status, refusal.header("connection")) == (503, "close")
    wait_until_refused(server.port)
    response = answer(running)
    assert (response.status, response.body, response.header("connection")) == (200, b"hello", "close")
    assert answer(streaming).body == b"0,1,2,3,4,5,6,7,end"
    for connection in connections:
        connection.close()
    assert server.wait() == 0
    assert clock.seconds < 5
    assert server.output.index("responded") < server.output.index("shutdown")
