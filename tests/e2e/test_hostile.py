"""Clients that are slow, rude or too many: the server stays healthy, and all others are served."""

import socket
import struct
import time
from collections.abc import Iterator

import pytest

from esg_core.unheard import GRACE
from tests.support.e2e.server import Server, serving
from tests.support.e2e.wire import ask

APP = "tests.e2e.apps.plain:app"
GET = b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n"
EARLY, LATE = 0.05, 15.0
"""Seconds by which a deadline may be off; the upper one is generous for a busy machine."""


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    deadlines = ("--timeout-request-headers", "2", "--timeout-request", "2", "--timeout-write", "1")
    with serving(APP, "--loop", request.param, *deadlines) as running:
        yield running
        assert "Traceback" not in running.output
        with running.connect() as connection:
            assert ask(connection, GET).status == 200


def drip(connection: socket.socket, data: bytes, every: float) -> bytes:
    """Send a byte now and then until the server answers; returns its answer."""
    connection.settimeout(every)
    for byte in data:
        connection.sendall(bytes([byte]))
        try:
            answer = connection.recv(65536)
        except TimeoutError:
            continue
        connection.settimeout(5)
        return answer + b"".join(iter(lambda: connection.recv(65536), b""))
    raise AssertionError("the server took all of it")


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_h17_one_byte_a_second_of_a_head(server: Server) -> None:
    """H-17: 408 when timeout-request-headers is over, whatever drips in."""
    began = time.monotonic()
    with server.connect() as connection:
        answer = drip(connection, GET, every=1.0)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 2.0 - EARLY <= time.monotonic() - began <= 2.0 + LATE + 1.0


def test_h17_one_byte_a_second_of_a_body(server: Server) -> None:
    """H-17: 408 when timeout-request is over."""
    began = time.monotonic()
    with server.connect() as connection:
        connection.sendall(b"POST /size HTTP/1.1\r\nhost: esg\r\ncontent-length: 100\r\n\r\n")
        answer = drip(connection, b"x" * 99, every=1.0)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 2.0 - EARLY <= time.monotonic() - began <= 2.0 + LATE + 1.0


def test_h17_a_client_that_says_nothing_is_hung_up_on_without_a_word(server: Server) -> None:
    """H-17: nothing at all when no byte of a request came."""
    began = time.monotonic()
    with server.connect() as connection:
        assert connection.recv(1) == b""
    assert 2.0 - EARLY <= time.monotonic() - began <= 2.0 + LATE


def test_h17_a_client_that_never_reads(server: Server) -> None:
    """H-17, H-16: the response is aborted when timeout-write is over, and the application learns of it."""
    with server.connect() as connection:
        began, before = time.monotonic(), len(server.lines)
        connection.sendall(b"GET /endless HTTP/1.1\r\nhost: esg\r\n\r\n")
        server.wait_for("endless: ClientDisconnected", after=before)
        assert 1.0 - EARLY <= time.monotonic() - began <= 1.0 + GRACE + LATE


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HT", GET[:-2], b"POST /size HTTP/1.1\r\nhost: esg\r\ncontent-length: 9\r\n\r\nabc"]
)
def test_half_close_before_the_request_is_complete(server: Server, begun: bytes) -> None:
    """H-9 does not apply here: nothing more can come, so the server hangs up at once."""
    with server.connect() as connection:
        connection.sendall(begun)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536)[:12] in (b"", b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HT",
        GET[:-2],
        GET,
        GET * 3,
        b"POST /size HTTP/1.1\r\nhost: esg\r\ncontent-length: 9\r\n\r\nabc",
        b"POST /size HTTP/1.1\r\nhost: esg\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"GET /delayed HTTP/1.1\r\nhost: esg\r\n\r\n",
        b"GET /endless HTTP/1.1\r\nhost: esg\r\n\r\n",
    ],
)
def test_reset_at_each_phase(server: Server, begun: bytes) -> None:
    """H-16: a client that vanishes disturbs no other, and is no error of the application."""
    for _ in range(3):
        connection = server.connect()
        connection.sendall(begun)
        reset(connection)
    with server.connect() as connection:
        assert ask(connection, GET).status == 200
