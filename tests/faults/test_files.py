"""Files that change while they are sent (H-14): no client is misled, and the others are served."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest

from tests.support.behaviour.lifecycle import get
from tests.support.e2e.server import ROOT, Server
from tests.support.faults.servers import LOOPS_AND_WIRES, Watched, certificate

SIZE = 32 << 20
"""Bytes of the file: more than all buffers on the way can hold."""

GET = b"GET /large HTTP/1.1\r\nhost: esg\r\n\r\n"
TOO_SHORT = r"the file is \d+ bytes too short: do not shorten a file while it is served"


@pytest.fixture(params=LOOPS_AND_WIRES, ids="-".join)
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    """A server whose application sends the file `large`."""
    loop, wire = request.param
    options = ("--ssl-certfile", str(certificate(tmp_path))) if wire == "tls" else ()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    app = "tests.faults.apps.answering:app"
    with Server(app, "--loop", loop, *options, cwd=tmp_path, env=environment) as server:
        assert server.url
        yield Watched(server, wire == "tls")
        assert server.stop() == 0


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(b"first")
        file.truncate(SIZE)
    return path


def begin(connection: socket.socket) -> None:
    """Ask for the file, and read its first bytes."""
    connection.sendall(GET)
    got = b""
    while b"\r\n\r\nfirst" not in got:
        got += connection.recv(100)
    assert b"content-length: %d\r\n" % SIZE in got


def rest(connection: socket.socket) -> int:
    """How many bytes arrive until the end."""
    size = 0
    try:
        while data := connection.recv(1 << 20):
            size += len(data)
    except ConnectionResetError:
        pass
    return size


def test_a_file_that_gets_shorter(watched: Watched, large: Path) -> None:
    """The response is cut, so that the client knows; one error says why."""
    with watched.connect() as connection:
        begin(connection)
        os.truncate(large, 5)
        assert rest(connection) < SIZE - 1000
    watched.server.wait_for(TOO_SHORT)
    with watched.connect() as connection:
        assert get(connection).status == 200
    assert watched.server.output.count("ERROR:") == 1


def test_a_file_that_is_replaced_and_grows(watched: Watched, large: Path) -> None:
    """The file that was begun is sent: the old one, at its old length."""
    with watched.connect() as connection, large.open("ab") as file:
        begin(connection)
        file.write(b"more")
        file.flush()
        large.unlink()
        large.write_bytes(b"another")
        left = SIZE - 105
        while left > 0:
            left -= len(connection.recv(min(left, 1 << 20)))
        assert get(connection, "/").status == 200
    assert "ERROR:" not in watched.server.output


def test_a_file_that_gets_shorter_over_http2(watched: Watched, large: Path) -> None:
    """The stream is reset, and the connection stays for others."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
    with watched.connect("h2") as connection:
        client.initiate_connection()
        ask(client, connection, b"/large")
        next(events(client, connection, h2.events.DataReceived))
        os.truncate(large, 5)
        client.increment_flow_control_window(SIZE)
        client.increment_flow_control_window(SIZE, 1)
        connection.sendall(client.data_to_send())
        next(events(client, connection, h2.events.StreamReset))
        ask(client, connection, b"/")
        next(events(client, connection, h2.events.StreamEnded))
    watched.server.wait_for(TOO_SHORT)
    assert watched.server.output.count("ERROR:") == 1


def ask(client: h2.connection.H2Connection, connection: socket.socket, path: bytes) -> None:
    fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", path), (b":authority", b"esg")]
    client.send_headers(client.get_next_available_stream_id(), fields, end_stream=True)
    connection.sendall(client.data_to_send())


def events(
    client: h2.connection.H2Connection, connection: socket.socket, kind: type[h2.events.Event]
) -> Iterator[h2.events.Event]:
    """The events of one kind, as they come."""
    while data := connection.recv(65536):
        yield from (event for event in client.receive_data(data) if isinstance(event, kind))
    raise AssertionError("the connection has ended")
