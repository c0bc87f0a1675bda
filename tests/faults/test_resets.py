"""Clients that break their connection at each byte of an exchange (H-16, H-20): nothing is left or logged."""

import socket
from collections.abc import Iterator

import h2.config
import h2.connection
import pytest

from tests.support.e2e.server import serving
from tests.support.faults.servers import LOOPS_AND_WIRES, Watched, certificate, reset
from tests.support.ws.frames import text

GET = b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: esg\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n"
LENGTH = b"POST / HTTP/1.1\r\nhost: esg\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\nhello"
UPGRADE = (
    b"GET / HTTP/1.1\r\nhost: esg\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def http2() -> bytes:
    """An upload over HTTP/2, with what a client sends before it."""
    client = h2.connection.H2Connection(h2.config.H2Configuration())
    client.initiate_connection()
    fields = {":method": "POST", ":scheme": "http", ":path": "/", ":authority": "esg"}
    client.send_headers(1, list(fields.items()))
    client.send_data(1, b"hello", end_stream=True)
    return client.data_to_send()


pytestmark = pytest.mark.slow

REQUESTS = {
    "keep-alive": LENGTH + CHUNKED + GET,
    "websocket": UPGRADE + text("hello") * 2,
    "http2": http2(),
}

RESPONSES = {
    "echo": CHUNKED + GET,
    "stream": b"GET /stream HTTP/1.1\r\nhost: esg\r\n\r\n",
    "close-delimited": b"GET /stream HTTP/1.0\r\n\r\n",
    "file": b"GET /file HTTP/1.1\r\nhost: esg\r\n\r\n",
    "websocket": UPGRADE + text("hello") * 2,
    "http2": http2(),
}

ALPN = {"http2": "h2"}
"""The protocol offered for an exchange over TLS, if it is not HTTP/1.1."""

LONGEST = 400
"""Bytes of a response after which nothing new follows."""


@pytest.fixture(scope="module", params=LOOPS_AND_WIRES, ids="-".join)
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    loop, wire = request.param
    path = certificate(tmp_path_factory.mktemp("tls"))
    options = ("--ssl-certfile", str(path)) if wire == "tls" else ()
    with serving("tests.faults.apps.answering:app", "--loop", loop, "--no-access-log", *options) as server:
        yield Watched(server, wire == "tls")


def receive(connection: socket.socket, size: int) -> int:
    """Read that many bytes, or all that come before the end; returns how many there were."""
    got = 0
    while got < size:
        data = connection.recv(size - got)
        if not data:
            break
        got += len(data)
    return got


@pytest.mark.parametrize("name", REQUESTS)
def test_reset_after_each_byte_of_a_request(watched: Watched, name: str) -> None:
    data = REQUESTS[name]
    before = watched.state()
    for end in range(0, len(data) + 1, 3 if watched.is_tls else 1):
        connection = watched.connect(ALPN.get(name, "http/1.1"))
        connection.sendall(data[:end])
        reset(connection)
    watched.settles_at(before)


@pytest.mark.parametrize("name", REQUESTS)
def test_half_close_after_each_byte_of_a_request(watched: Watched, name: str) -> None:
    """H-9: whether that ends the connection or not, the server ends it by itself."""
    data = REQUESTS[name]
    before = watched.state()
    for end in range(0, len(data) + 1, 9 if watched.is_tls else 3):
        with watched.connect(ALPN.get(name, "http/1.1")) as connection:
            connection.sendall(data[:end])
            connection.shutdown(socket.SHUT_WR)  # without closing TLS
            receive(connection, 1 << 20)
    watched.settles_at(before)


@pytest.mark.parametrize("name", RESPONSES)
def test_reset_after_each_byte_of_a_response(watched: Watched, name: str) -> None:
    before = watched.state()
    for size in range(0, LONGEST, 7 if watched.is_tls else 1):
        connection = watched.connect(ALPN.get(name, "http/1.1"))
        connection.settimeout(0.5)
        connection.sendall(RESPONSES[name])
        try:
            got = receive(connection, size)
        except TimeoutError:
            got = -1
        reset(connection)
        if got < size:
            break
    else:
        assert name == "file"
    watched.settles_at(before)
