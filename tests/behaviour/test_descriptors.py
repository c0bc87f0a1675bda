"""H-20: when descriptors run out, accepting pauses, running connections go on, and it recovers by itself."""

import re
import resource
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import APP, answer, get, request, started
from tests.support.e2e.server import Server
from tests.support.installed import LOOPS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are set by prlimit()")

FREE = 3
"""Descriptors that the server has left."""


@pytest.fixture(params=LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with started(APP, request.param) as running:
        yield running


def exhaust(server: Server) -> None:
    """Leave the server `FREE` descriptors."""
    used = max(int(path.name) for path in Path(f"/proc/{server.pid}/fd").iterdir())
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used + 1 + FREE, hard))


def processor_seconds(server: Server) -> float:
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def is_answered(connection: socket.socket) -> bool:
    connection.settimeout(0.3)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except TimeoutError:
        return False


def test_h20_running_out_of_descriptors(server: Server) -> None:
    with ExitStack() as stack, server.connect() as running:
        assert get(running).status == 200
        exhaust(server)
        waiting = [stack.enter_context(server.connect()) for _ in range(FREE + 5)]
        for connection in waiting:
            connection.sendall(request("/"))
        server.wait_for("accepting pauses: Too many open files; the limit of this process is")
        assert [is_answered(connection) for connection in waiting] == [True] * FREE + [False] * 5
        assert get(running).status == 200
        before = processor_seconds(server)
        time.sleep(1)
        assert processor_seconds(server) - before <= 0.03
        assert len(re.findall("WARNING", server.output)) == 1
        assert "Traceback" not in server.output
        while waiting:
            with waiting.pop(0) as connection:
                connection.settimeout(5)
                assert answer(connection).status == 200
        assert server.stop() == 0
