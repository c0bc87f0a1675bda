"""Clients over HTTP/3 that break off at each byte of a request, or are gone when the server stops (H-16, H-20, L-2)."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import connect_tls, started
from tests.support.e2e.server import Server, serving
from tests.support.faults.servers import Watched
from tests.support.http3 import wire
from tests.support.http3.sockets import CANCELLED, H3SocketClient
from tests.support.installed import LOOPS
from tests.support.ws.frames import text

pytestmark = pytest.mark.slow

CONNECT = wire.request(b"/", b"CONNECT", (b":protocol", b"websocket"), (b"sec-websocket-version", b"13"))

REQUESTS = {
    "upload": wire.headers(wire.request(b"/", b"POST")) + wire.data(b"hello") + wire.headers([(b"x", b"y")]),
    "websocket": wire.headers(CONNECT) + wire.data(text("hello") * 2),
}

AT_A_TIME = 10
"""Streams that a connection breaks off before it ends: fewer than would count as an attack (rule Q-3)."""


def send(client: H3SocketClient, data: bytes, *, end: bool = False) -> int:
    stream: int = client.quic.get_next_available_stream_id()
    client.quic.send_stream_data(stream, data, end)
    client._flush()
    return stream


def end_early(client: H3SocketClient, data: bytes) -> None:
    send(client, data, end=True)


def cancel(client: H3SocketClient, data: bytes) -> None:
    stream = send(client, data)
    client.quic.stop_stream(stream, CANCELLED)
    client.quic.reset_stream(stream, CANCELLED)
    client._flush()


def leave(client: H3SocketClient, data: bytes) -> None:
    send(client, data)
    client.close()


class WatchedOverTLS(Watched):
    """A server with the certificate of all tests."""

    def connect(self, alpn: str = "http/1.1") -> ssl.SSLSocket:
        return connect_tls(self.server)


@pytest.fixture(scope="module", params=LOOPS)
def watched(request: pytest.FixtureRequest, certificate: Path) -> Iterator[Watched]:
    options = ("--http3", "--ssl-certfile", str(certificate), "--no-access-log")
    with serving("tests.faults.apps.answering:app", "--loop", request.param, *options) as server:
        yield WatchedOverTLS(server, is_tls=True)


@pytest.mark.parametrize("how", [end_early, cancel, leave])
@pytest.mark.parametrize("name", REQUESTS)
def test_breaking_off_after_each_byte_of_a_request(
    watched: Watched, name: str, how: Callable[[H3SocketClient, bytes], None]
) -> None:
    """H-16, H-20: nothing is left or logged."""
    data = REQUESTS[name]
    before = watched.state()
    pieces = [data[:end] for end in range(0, len(data) + 1, 3)]
    at_a_time = 1 if how is leave else AT_A_TIME
    for first in range(0, len(pieces), at_a_time):
        with connect(watched.server) as client:
            for piece in pieces[first : first + at_a_time]:
                how(client, piece)
            with suppress(TimeoutError):
                client.wait(lambda: client.over, 0.0 if how is leave else 0.02)
    watched.settles_at(before)


# The stop: L-2.


def connect(server: Server) -> H3SocketClient:
    return H3SocketClient(server.port)


def used(server: Server) -> H3SocketClient:
    client = connect(server)
    client.start(wire.GET)
    assert client.response().body == b"hello"
    return client


def in_a_head(server: Server) -> H3SocketClient:
    client = used(server)
    send(client, REQUESTS["upload"][:5])
    return client


def in_a_body(server: Server) -> H3SocketClient:
    client = connect(server)
    client.start(wire.request(b"/", b"POST"), b"begun", end=False)
    assert client.head().status == 200
    return client


def in_a_websocket(server: Server) -> H3SocketClient:
    client = connect(server)
    client.start(CONNECT, end=False)
    assert client.head().status == 200
    return client


@pytest.mark.parametrize("loop", LOOPS)
def test_l2_a_client_that_has_gone_does_not_hold_up_a_stop(certificate: Path, loop: str) -> None:
    """One that vanishes without a word may be there still, but need not be waited for unless it has a request."""
    options = ("--http3", "--ssl-certfile", str(certificate))
    with started("tests.faults.apps.holding:app", loop, *options) as server, ExitStack() as stack:
        clients = [stack.enter_context(do(server)) for do in (connect, used, in_a_head, in_a_body, in_a_websocket)]
        silent = [stack.enter_context(do(server)) for do in (connect, used)]
        for client in clients:
            client.close()
        for client in silent:
            client.socket.close()
        assert server.stop() == 0
