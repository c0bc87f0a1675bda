"""L-2: a client that has gone does not hold up a stop, however it went and whatever it was doing."""

import re
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import product
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import Connection, get, started
from tests.support.faults.servers import Watched, certificate, reset
from tests.support.http2.wire import ACK, AUTHORITY, METHOD, OPENING, PATH, SCHEME, Kind, block, frame

WAITS = re.compile(r"Waiting for \d+ connections")
UPGRADE = (
    b"GET /chat HTTP/1.1\r\nhost: esg\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def used(watched: Watched) -> Connection:
    connection = watched.connect()
    assert get(connection).status == 200
    return connection


def in_a_head(watched: Watched) -> Connection:
    connection = used(watched)
    connection.sendall(b"GET / HT")
    return connection


def in_a_body(watched: Watched) -> Connection:
    connection = used(watched)
    connection.sendall(b"POST / HTTP/1.1\r\nhost: esg\r\ncontent-length: 10\r\n\r\nbegun")
    return connection


def in_a_websocket(watched: Watched) -> Connection:
    connection = watched.connect()
    connection.sendall(UPGRADE)
    assert b" 101 " in connection.recv(65536)
    return connection


def in_http_2(watched: Watched) -> Connection:
    """It has had a response."""
    connection = watched.connect("h2")
    ask = frame(Kind.HEADERS, 1, block((METHOD, SCHEME, PATH, AUTHORITY)), 5)
    connection.sendall(OPENING + frame(Kind.SETTINGS, flags=ACK) + ask)
    seen = b""
    while b"hello" not in seen:
        seen += connection.recv(65536)
    return connection


DOING = (Watched.connect, used, in_a_head, in_a_body, in_a_websocket, in_http_2)


def close(connection: Connection) -> None:
    """In order, also within TLS."""
    if isinstance(connection, ssl.SSLSocket):
        with suppress(OSError):
            connection.setblocking(False)
            connection.unwrap()
    connection.close()


def go(connection: Connection) -> None:
    """Without ending TLS."""
    connection.close()


def break_off(connection: Connection) -> None:
    reset(socket.socket(fileno=connection.detach()))


@pytest.mark.parametrize("how", [close, go, break_off])
@pytest.mark.parametrize(("loop", "wire"), list(product(("uvloop", "asyncio"), ("tcp", "tls"))))
def test_a_client_that_has_gone(tmp_path: Path, loop: str, wire: str, how: Callable[[Connection], None]) -> None:
    options = ("--ssl-certfile", str(certificate(tmp_path))) if wire == "tls" else ()
    with started("tests.faults.apps.holding:app", loop, *options) as server, ExitStack() as stack:
        watched = Watched(server, is_tls=wire == "tls")
        connections = [stack.enter_context(do(watched)) for do in DOING]
        for connection in connections:
            how(connection)
        assert server.stop() == 0
        assert not WAITS.search(server.output)
