"""Applications that harm their own process: others are served, and the server ends as it should (H-10, L-2, L-6)."""

import os
import signal
import socket
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect

from tests.support.behaviour.lifecycle import Connection, get
from tests.support.e2e.server import ROOT, Server

APP = "tests.faults.apps.faulty:app"

CAME_BACK = "a child process of the application came back to the server: end it with os._exit()"

HARMLESS: dict[str, tuple[int, bytes]] = {
    "/fork-answers": (200, b"1"),
    "/fork-exits": (200, b"7"),
    "/fork-leaves": (200, b"3"),
    "/fork-raises": (200, b"1"),
    "/fork-returns": (200, b"1"),
    "/run-program": (200, b"one two "),
    "/close-loop": (500, b"Internal Server Error"),
    "/group": (500, b"Internal Server Error"),
    "/interrupt-itself": (500, b"Internal Server Error"),
    "/recurse": (500, b"Internal Server Error"),
    "/leak-tasks": (200, b"hello"),
    "/fork-after-the-response": (200, b"hello"),
}
"""The answers by path, in the order of the requests; everything else is served as before."""


def children(server: Server) -> list[str]:
    return Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()


def test_what_an_application_can_do_to_its_process(server: Server) -> None:
    """One after another, on one connection, beside another one that is in constant use."""
    with server.connect() as connection, server.connect() as beside:
        for path, (status, body) in HARMLESS.items():
            response = get(connection, path)
            assert (path, response.status, response.body) == (path, status, body)
            assert get(beside).status == 200
        server.wait_for("the child ended with 1")
        assert children(server) == []
        assert server.output.count(CAME_BACK) == 3
        assert server.output.count("exception in a child process of the application") == 1
        assert get(connection, "/replace-stdout").status == 200
    assert server.stop() == 0
    assert "Finished server process" in server.output
    assert server.output.count("Started server process") == server.output.count("Finished server process") == 1


def test_children_of_a_websocket(server: Server) -> None:
    """L-6: neither writes a byte to its parent's client."""
    with connect(server.url.replace("http", "ws", 1)) as client:
        assert [client.recv(20), client.recv(20)] == ["7", "1"]
        with pytest.raises(ConnectionClosedOK):
            client.recv(20)
    assert children(server) == []
    assert server.stop() == 0


def test_a_child_of_the_lifespan_does_not_serve(loop: str, tmp_path: Path) -> None:
    """L-6: nor does it remove its parent's socket."""
    path = tmp_path / "socket"
    with Server(APP, "--loop", loop, "--uds", str(path), env={**os.environ, "FORK_IN_LIFESPAN": "1"}) as server:
        server.wait_for("running on")
        with unix(path) as connection:
            assert get(connection).status == 200
        assert server.stop() == 0
    assert server.output.count("Application startup complete") == 1


def test_a_unix_socket_is_removed_although_the_directory_was_changed(loop: str, tmp_path: Path) -> None:
    """L-4, for a path that is relative to the directory where the server was started."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Server(APP, "--loop", loop, "--uds", "socket", cwd=tmp_path, env=environment) as server:
        server.wait_for("running on unix:socket")
        with unix(tmp_path / "socket") as connection:
            assert get(connection, "/change-directory").status == 200
        assert server.stop() == 0
    assert list(tmp_path.iterdir()) == []


def unix(path: Path) -> Connection:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(path))
    return connection


@pytest.mark.parametrize(
    ("path", "code", "line"),
    [
        ("/stop-loop", 0, "the application stopped the event loop"),
        ("/exit-in-a-task", 5, "the application raised SystemExit(5) outside its requests"),
        ("/fail-in-a-callback", 5, "the application raised SystemExit(5) outside its requests"),
    ],
)
def test_an_application_that_ends_the_loop_stops_the_server_in_order(
    server: Server, path: str, code: int, line: str
) -> None:
    """L-2: the running request is completed, and the application shuts down; the exit code is its own."""
    with server.connect() as connection:
        response = get(connection, path)
        assert (response.status, response.header("connection")) == (200, "close")
        assert server.wait() == code
    assert f"WARNING:  {line}: shutting down" in server.lines
    assert "shutdown" in server.lines
    assert "Traceback" not in server.output


def test_os_exit_is_the_end_without_a_word(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /leave HTTP/1.1\r\nhost: esg\r\n\r\n")
        assert server.wait() == 9


def test_an_application_that_ignores_a_signal_can_be_stopped_by_the_other(server: Server) -> None:
    with server.connect() as connection:
        assert get(connection, "/ignore-signals").status == 200
        server.process.send_signal(signal.SIGTERM)
        assert get(connection).status == 200
    assert server.stop(signal.SIGINT) == 0
