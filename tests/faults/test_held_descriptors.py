"""L-7: the end of a connection reaches its client even if a child of the application still holds the descriptor."""

import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import Connection, get, refuses, request, started
from tests.support.e2e.server import PATIENCE, Server
from tests.support.faults.servers import Watched, certificate
from tests.support.http.sockets import is_reset
from tests.support.http2.wire import OPENING, Kind, read

APP = "tests.faults.apps.holding:app"
LIMIT = "5"
"""Seconds for all time-outs: long enough for a busy machine to start the child."""

ESTABLISHED = 1
"""A state in the kernel's `struct tcp_info`."""

TIMEOUTS = ("--timeout-keep-alive", LIMIT, "--timeout-request-headers", LIMIT, "--timeout-tls-handshake", LIMIT)
WAYS = list(product(("uvloop", "asyncio"), ("tcp", "tls"), ("/fork", "/start")))
"""Loop, wire, and how the child is made: it inherits everything, or just the sockets that are passed on."""

each_way = pytest.mark.parametrize(("loop", "wire", "how"), WAYS, ids=map("-".join, WAYS))
each_loop = pytest.mark.parametrize("loop", ["uvloop", "asyncio"])


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    path = certificate(tmp_path_factory.mktemp("tls"))
    return {"tcp": TIMEOUTS, "tls": (*TIMEOUTS, "--ssl-certfile", str(path))}


@contextmanager
def held(asked: Connection, how: str = "/fork") -> Iterator[None]:
    """A child of the server holds its descriptors."""
    child = int(get(asked, how).body)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)


# The ends of connections.


def until_end(connection: Connection) -> bytes:
    """Everything received before the server ends TLS and TCP."""
    data = bytearray()
    while part := connection.recv(65536):
        data += part
    if isinstance(connection, ssl.SSLSocket):
        try:
            below = connection.unwrap()
        except OSError:  # the server has ended without ending TLS
            return bytes(data)
        with below:
            below.settimeout(PATIENCE)
            assert is_ended(below)
    return bytes(data)


def is_ended(connection: Connection) -> bool:
    """By an ordinary end or, with something unread, by a reset."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def is_established(connection: Connection) -> bool:
    """Whether neither side has ended."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED


UPGRADE = (
    b"GET /chat HTTP/1.1\r\nhost: esg\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"


@dataclass
class End:
    """How a connection ends: `first` is answered before there is a child, `then` is sent afterwards."""

    is_expected: Callable[[bytes], bool]
    first: bytes = b""
    then: bytes = b""
    alpn: str = "http/1.1"
    closes_side: bool = False
    within_tls: bool = True


def exactly(data: bytes) -> Callable[[bytes], bool]:
    return data.__eq__


def ends_with(data: bytes) -> Callable[[bytes], bool]:
    return lambda said: said.endswith(data)


def says_goaway(data: bytes) -> bool:
    return [frame.code for frame in read(data) if frame.kind == Kind.GOAWAY] == [0]


def says_no_more_than_a_refusal(data: bytes) -> bool:
    """Nothing with TLS, else something that is not HTTP."""
    return not data or data.endswith(b"Bad Request")


ENDS = {
    "idle": End(exactly(b""), first=request("/")),
    "silent": End(exactly(b"")),
    "late": End(ends_with(b"Request Timeout"), then=b"GET / HTTP/1.1\r\nhost: e"),
    "refused": End(ends_with(b"Bad Request"), then=b"GET / HTTP/1.1\r\nbad line\r\n\r\n"),
    "close": End(ends_with(b"hello"), then=b"GET / HTTP/1.1\r\nhost: esg\r\nconnection: close\r\n\r\n"),
    "http-1.0": End(ends_with(b"hello"), then=b"GET / HTTP/1.0\r\n\r\n"),
    "failed": End(ends_with(b"5\r\nbegun\r\n"), then=request("/fail")),
    "half-closed": End(ends_with(b"hello"), then=request("/"), closes_side=True),
    "http-2": End(says_goaway, then=OPENING, alpn="h2"),
    "websocket": End(exactly(b"\x88\x02\x03\xe8"), first=UPGRADE, then=b"\x81\x81\0\0\0\0x" + CLOSE),
    "websocket-1002": End(lambda said: said[:4] == b"\x88\x10\x03\xea", first=UPGRADE, then=b"\x81\x01x"),
    "no-hello": End(exactly(b""), within_tls=False),
    "half-a-hello": End(says_no_more_than_a_refusal, then=b"\x16\x03\x01\x02\x00\x01", within_tls=False),
}


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
def connections(request: pytest.FixtureRequest, options: dict[str, tuple[str, ...]]) -> Iterator[dict[str, Connection]]:
    """An open connection for each end, all of them held by a child of the server."""
    loop, wire, how = request.param
    with started(APP, loop, *options[wire]) as server, ExitStack() as stack:
        watched = Watched(server, is_tls=wire == "tls")
        opened = {name: stack.enter_context(_opened(watched, end)) for name, end in ENDS.items()}
        stack.enter_context(held(stack.enter_context(watched.connect()), how))
        assert all(is_established(connection) for connection in opened.values())
        for name, end in ENDS.items():
            opened[name].sendall(end.then)
            if end.closes_side:
                with socket.socket(fileno=os.dup(opened[name].fileno())) as below:
                    below.shutdown(socket.SHUT_WR)
        yield opened


def _opened(watched: Watched, end: End) -> Connection:
    connection = watched.connect(end.alpn) if end.within_tls else watched.server.connect()
    if end.first:
        connection.sendall(end.first)
        assert b"\r\n\r\n" in connection.recv(65536)
    return connection


@pytest.mark.parametrize("name", ENDS)
def test_an_end_reaches_its_client(connections: dict[str, Connection], name: str) -> None:
    assert ENDS[name].is_expected(until_end(connections[name]))


@each_way
def test_a_response_that_is_not_read_is_reset(
    loop: str, wire: str, how: str, options: dict[str, tuple[str, ...]]
) -> None:
    """As without a child: the kernel does not go on offering the rest, and no client takes it for complete."""
    with started(APP, loop, *options[wire], "--timeout-write", "1") as server:
        watched = Watched(server, is_tls=wire == "tls")
        with watched.connect() as connection, watched.connect() as other:
            connection.sendall(b"GET /large HTTP/1.0\r\n\r\n")
            with held(other, how):
                server.wait_for("does not read its response")
                assert is_reset(connection.detach())


@each_way
def test_the_server_stops(loop: str, wire: str, how: str, options: dict[str, tuple[str, ...]]) -> None:
    """L-2: idle connections, HTTP/2, a running response that is cancelled, and clients that come later."""
    with started(APP, loop, *options[wire], "--timeout-graceful-shutdown", "1") as server:
        watched = Watched(server, is_tls=wire == "tls")
        with watched.connect() as idle, watched.connect("h2") as second, watched.connect() as running:
            second.sendall(OPENING)
            running.sendall(request("/wait"))
            with running.makefile("rb") as response, held(idle, how):
                while response.readline() != b"\r\n":
                    pass
                assert response.read(5) == b"begun"
                server.process.terminate()
                assert until_end(idle) == b""
                assert Kind.GOAWAY in [frame.kind for frame in read(until_end(second))]
                assert until_end(running) == b""
                assert server.wait() == 1
                assert refuses(server.port)


@each_loop
@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"PROXY "], ids=["no preface", "late"])
def test_what_comes_without_a_preface(loop: str, said: bytes) -> None:
    """H-19."""
    with started(APP, loop, "--proxy-protocol", *TIMEOUTS) as server, server.connect() as other:
        other.sendall(b"PROXY UNKNOWN\r\n")
        with server.connect() as connection, held(other):
            connection.sendall(said)
            assert is_ended(connection)


@each_loop
def test_a_unix_socket(loop: str, tmp_path: Path) -> None:
    path = tmp_path / "esg.sock"
    with Server(APP, "--loop", loop, "--uds", str(path), *TIMEOUTS) as server:
        server.wait_for("running on")
        with unix(path) as idle, unix(path) as other:
            assert get(idle).status == 200
            with held(other):
                assert until_end(idle) == b""
                assert server.stop() == 0


def unix(path: Path) -> Connection:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(str(path))
    return connection
