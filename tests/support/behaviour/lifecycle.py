"""Shared by the lifecycle tests: servers on either loop, and connections to them."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.e2e.server import PATIENCE, Server
from tests.support.e2e.wire import Response, ask, read_response
from tests.support.http.sockets import client_tls

APP = "tests.behaviour.apps.lifecycle:app"
LIFESPANS = "tests.behaviour.apps.lifespans"

Connection = socket.socket


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: esg\r\n\r\n".encode()


def get(connection: Connection, path: str = "/") -> Response:
    return ask(connection, request(path))


def answer(connection: Connection) -> Response:
    """The response to a request that was sent earlier."""
    with connection.makefile("rb") as stream:
        return read_response(stream)


def is_closed(connection: Connection) -> bool:
    """Whether the server closes the connection without sending anything."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def closes_in_time(connection: Connection, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        return is_closed(connection)
    except TimeoutError:
        return False


def refuses(port: int) -> bool:
    """Whether new connections are refused."""
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def wait_until_refused(port: int) -> None:
    """Return once the listener is closed; a client can only tell by trying."""
    end = time.monotonic() + PATIENCE
    while not refuses(port):
        assert time.monotonic() < end, "connections are still accepted"
        time.sleep(0.01)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def started(app: str, loop: str, *options: str) -> Iterator[Server]:
    """A server that is ready; its process is gone afterwards, whatever happens."""
    with Server(app, "--loop", loop, *options) as server:
        assert server.url
        yield server


def connect_tls(server: Server) -> ssl.SSLSocket:
    """A connection to a server that uses the fixture's `certificate`."""
    return client_tls().wrap_socket(server.connect(), server_hostname="127.0.0.1")


class Clock:
    """Measures how long something took."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


@contextmanager
def asked(server: Server, path: str, says: str) -> Iterator[tuple[Connection, Clock]]:
    """A connection whose request is running, as its application has reported, and a clock that starts then."""
    with server.connect() as connection:
        connection.sendall(request(path))
        server.wait_for(says)
        yield connection, Clock()
