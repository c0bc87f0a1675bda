"""L-2 over TLS: a client that does not answer the end of its connection does not hold up the server."""

import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import APP, Clock, answer, connect_tls, get, request, started
from tests.support.e2e.server import Server
from tests.support.installed import LOOPS


@pytest.fixture(params=LOOPS)
def server(request: pytest.FixtureRequest, certificate: Path) -> Iterator[Server]:
    with started(APP, request.param, "--ssl-certfile", str(certificate)) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[socket.socket]:
    with connect_tls(server) as connection:
        yield connection


def test_l2_idle_connection_does_not_hold_the_end(server: Server, client: socket.socket) -> None:
    """The client of a pool reads nothing while it is idle, and so answers no close_notify."""
    assert get(client).status == 200
    time.sleep(0.1)  # the kernel of the client acknowledges after 40 ms that it has the response
    clock = Clock()
    assert server.stop() == 0
    assert clock.seconds < 5
    assert client.recv(1) == b""


def test_l2_client_that_only_connects_does_not_hold_the_end(server: Server) -> None:
    """It has sent nothing, not even a hello."""
    with server.connect() as silent, server.connect() as other:
        with pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(other, server_hostname="127.0.0.1")  # so both are accepted
        clock = Clock()
        assert server.stop() == 0
        assert clock.seconds < 5
        assert silent.recv(1) == b""


def test_l2_k3_request_in_the_buffer_of_an_idle_connection_is_served(server: Server, client: socket.socket) -> None:
    """Requests that have reached the kernel when the signal comes get their responses."""
    assert get(client).status == 200
    with connect_tls(server) as busy:
        busy.sendall(request("/block?s=0.5"))
        server.wait_for("blocking")
        server.process.send_signal(signal.SIGTERM)
        client.sendall(request("/"))
        response = answer(client)
        assert (response.status, response.header("connection")) == (200, "close")
        assert answer(busy).status == 200
    client.close()
    assert server.wait() == 0


def test_l2_running_response_is_completed(server: Server, client: socket.socket) -> None:
    client.sendall(request("/sleep?s=0.5"))
    server.wait_for("sleeping")
    server.process.send_signal(signal.SIGTERM)
    response = answer(client)
    assert (response.status, response.header("connection")) == (200, "close")
    client.close()
    clock = Clock()
    assert server.wait() == 0
    assert clock.seconds < 5


def test_l2_client_that_keeps_its_side_open_after_its_response(server: Server, client: socket.socket) -> None:
    """It has its response; its time to answer the close is bounded, and running out of it is no failure."""
    client.sendall(request("/sleep?s=0.3"))
    server.wait_for("sleeping")
    clock = Clock()
    assert server.stop() == 0
    assert clock.seconds < 8
    assert answer(client).status == 200
