"""L-4: the file of a UNIX socket that another process has left behind keeps its mode, and is removed at the end."""

import os
import signal
import socket
import stat
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import request
from tests.support.e2e.server import PATIENCE, Server
from tests.support.e2e.wire import Response, ask
from tests.support.reload.processes import wait_until

APP = "tests.behaviour.apps.workers:app"

WAYS: dict[str, tuple[str, ...]] = {
    "alone": (),
    "workers": ("--workers", "2"),
    "preload": ("--preload",),
    "reload": ("--reload",),
}


def get(path: Path, target: str = "/") -> Response:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        return ask(connection, request(target))


def leave_behind(path: Path, mode: int) -> None:
    """As a killed process does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(path))
        sock.listen()
    path.chmod(mode)


@pytest.mark.parametrize("way", WAYS)
def test_l4_the_mode_stays_and_the_file_goes(tmp_path: Path, way: str, loop: str) -> None:
    path = tmp_path / "esg.sock"
    leave_behind(path, 0o620)
    with Server(APP, "--uds", str(path), "--loop", loop, *WAYS[way]) as server:
        server.wait_for("ESG running on unix:")
        assert stat.S_IMODE(path.stat().st_mode) == 0o620
        assert get(path).body == b"hello"
        assert server.stop() == 0
        assert not path.exists()


def test_l4_also_after_a_new_program_has_taken_over(tmp_path: Path) -> None:
    """W-3: it is the same file until the last one ends."""
    path = tmp_path / "esg.sock"
    leave_behind(path, 0o620)
    with Server(APP, "--uds", str(path), "--workers", "1") as server:
        server.wait_for("ESG running on unix:")
        made = path.stat()
        server.process.send_signal(signal.SIGUSR2)
        new = int(server.wait_for(r"The new program \[(\d+)\] is serving")[1])
        assert server.process.wait(PATIENCE) == 0
        assert (path.stat().st_ino, path.stat().st_mode) == (made.st_ino, made.st_mode)
        assert get(path).body == b"hello"
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: not path.exists())


@pytest.mark.parametrize("way", WAYS)
def test_l4_the_file_goes_also_by_force(tmp_path: Path, way: str) -> None:
    path = tmp_path / "esg.sock"
    leave_behind(path, 0o620)
    options = ("--timeout-graceful-shutdown", "0.2", *WAYS[way])
    with Server(APP, "--uds", str(path), *options) as server:
        server.wait_for("ESG running on unix:")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(path))
            connection.sendall(request("/block?s=60"))
            server.wait_for("blocking")
            server.stop()
        assert not path.exists()


def test_l4_a_killed_server_leaves_it_to_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "esg.sock"
    with Server(APP, "--uds", str(path)) as server:
        server.wait_for("ESG running on unix:")
        path.chmod(0o600)
        server.kill()
    assert path.exists()
    with Server(APP, "--uds", str(path)) as server:
        server.wait_for("ESG running on unix:")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert server.stop() == 0
        assert not path.exists()


def test_l4_a_file_that_another_process_has_put_there_since_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "esg.sock"
    with Server(APP, "--uds", str(path)) as server:
        server.wait_for("ESG running on unix:")
        path.rename(tmp_path / "renamed")  # so that its number stays in use
        leave_behind(path, 0o600)
        assert server.stop() == 0
        assert path.exists()
