"""A log that cannot be written: requests go on, and so does the log when it can be written again (R-2, R-3).

The application prints nothing: output to a full or broken pipe is a matter between Python and the application.
"""

import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.support.behaviour.lifecycle import Connection, get
from tests.support.e2e.server import PATIENCE, ROOT

APP = "tests.faults.apps.answering:app"
FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full and prlimit() are Linux's")


@contextmanager
def serving(path: Path, loop: str, stdout: int | IO[bytes], *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server on a UNIX socket, because its output may not be there to announce a port; it must end cleanly."""
    command = (sys.executable, "-m", "esg", APP, "--loop", loop, "--uds", str(path), *options)
    with subprocess.Popen(command, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE) as process:
        try:
            yield process
            process.terminate()
            _, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        assert process.returncode == 0, errors
        assert b"Traceback" not in errors or "--log-config" in options


def connected(path: Path) -> Connection:
    """A connection to a server that is about to listen."""
    deadline = time.monotonic() + PATIENCE
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return connection


def ask_often(connection: Connection, times: int = 200) -> None:
    for _ in range(times):
        assert get(connection, "/x" + "x" * 100).status == 200


def test_nobody_reads_the_log_any_more(tmp_path: Path, loop: str) -> None:
    """EPIPE neither ends nor slows the server, and there is no SIGPIPE."""
    path = tmp_path / "socket"
    with serving(path, loop, subprocess.PIPE) as server, connected(path) as connection:
        assert get(connection).status == 200
        assert server.stdout is not None
        server.stdout.close()
        server.stdout = None
        ask_often(connection)
        assert get(connection, "/fail").status == 500


def test_a_disk_that_is_full_from_the_start(tmp_path: Path, loop: str) -> None:
    path = tmp_path / "socket"
    with FULL.open("wb") as full, serving(path, loop, full) as server, connected(path) as connection:
        ask_often(connection)
        assert server.poll() is None


def test_a_disk_that_is_full_for_a_while(tmp_path: Path, loop: str) -> None:
    """Lost lines are counted, and reported when there is room again."""
    path, log = tmp_path / "socket", tmp_path / "log"
    with log.open("wb") as file, serving(path, loop, file) as server, connected(path) as connection:
        assert get(connection).status == 200
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        ask_often(connection)
        time.sleep(0.2)  # the last batch is written, or lost
        assert log.stat().st_size <= 4096
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert get(connection, "/there-is-room").status == 200
    lines = log.read_text().splitlines()
    assert any("/there-is-room" in line for line in lines)
    (confession,) = [line for line in lines if "log lines were lost: File too large" in line]
    lost = int(confession.split()[1])
    whole = sum("/xxx" in line and line.endswith("200 OK") for line in lines)
    assert lost + whole in (200, 201)  # a line may only lose its end


def test_a_log_file_of_ones_own_on_a_full_disk(tmp_path: Path, loop: str) -> None:
    """logging complains to stderr, and no request fails for it."""
    path, configuration = tmp_path / "socket", tmp_path / "log.json"
    handler = {"class": "logging.FileHandler", "filename": str(FULL)}
    root = {"handlers": ["file"], "level": "INFO"}
    configuration.write_text(json.dumps({"version": 1, "handlers": {"file": handler}, "root": root}))
    with (
        serving(path, loop, subprocess.DEVNULL, "--log-config", str(configuration)),
        connected(path) as connection,
    ):
        ask_often(connection, 10)


def test_a_log_that_nobody_reads(tmp_path: Path, loop: str) -> None:
    """A full pipe: nothing waits for it, not even the end."""
    path = tmp_path / "socket"
    with serving(path, loop, subprocess.PIPE) as server, connected(path) as connection:
        ask_often(connection, 1000)
        began = time.monotonic()
        assert get(connection, "/fail").status == 500
        server.terminate()
        server.wait(PATIENCE)
        assert time.monotonic() - began < 20
