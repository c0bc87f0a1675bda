"""W-5 in one process: sockets that systemd passes, and what it is told.

`systemd-socket-activate` is systemd's own program; its side of the notifications is a socket of the test.
"""

import os
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import APP, Clock, free_port, get, refuses, request
from tests.support.behaviour.notified import hear, systemd
from tests.support.e2e.programs import needs
from tests.support.e2e.server import PATIENCE, ROOT, Program

__all__ = ["systemd"]  # a fixture is used by its name

ESG = (sys.executable, "-m", "esg", APP)


def variables(systemd: socket.socket, **more: str) -> dict[str, str]:
    return {**os.environ, "NOTIFY_SOCKET": systemd.getsockname(), **more}


def test_w5_ready_and_stopping(loop: str, systemd: socket.socket) -> None:
    """One READY=1, when clients are accepted, and one STOPPING=1, when the drain begins."""
    port = free_port()
    command = (*ESG, "--loop", loop, "--port", str(port), "--timeout-graceful-shutdown", "100")
    with Program(*command, env=variables(systemd)) as server:
        assert hear(systemd) == {"READY": "1", "STATUS": f"Serving on http://127.0.0.1:{port}"}
        server.wait_for("startup")
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(request("/sleep?s=0.5"))
            server.wait_for("sleeping")
            clock = Clock()
            assert server.stop() == 0
            assert clock.seconds > 0.3
        told = hear(systemd)
        assert told.pop("STATUS") == "Shutting down"
        assert 100 <= int(told.pop("EXTEND_TIMEOUT_USEC")) / 1_000_000 <= 110
        assert told == {"STOPPING": "1"}
        systemd.settimeout(0)
        with pytest.raises(BlockingIOError):
            hear(systemd)


def test_w5_a_failed_start_is_not_ready(systemd: socket.socket) -> None:
    with Program(
        sys.executable, "-m", "esg", "tests.behaviour.apps.broken_import:app", env=variables(systemd)
    ) as server:
        assert server.wait() == 3
    systemd.settimeout(0)
    with pytest.raises(BlockingIOError):
        hear(systemd)


def test_w5_watchdog_knows_a_blocked_loop(loop: str, systemd: socket.socket) -> None:
    """It is told in time that all is well, but not while the event loop is blocked."""
    port = free_port()
    env = variables(systemd, WATCHDOG_USEC="600000")
    with Program(*ESG, "--loop", loop, "--port", str(port), env=env) as server:
        while "READY" not in hear(systemd):
            pass
        for _ in range(3):
            assert hear(systemd) == {"WATCHDOG": "1"}
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request("/block?s=1"))
            server.wait_for("blocking")
            drained(systemd)
            systemd.settimeout(0.6)
            with pytest.raises(TimeoutError):
                hear(systemd)
            systemd.settimeout(PATIENCE)
            assert hear(systemd) == {"WATCHDOG": "1"}
        assert server.stop() == 0


def drained(systemd: socket.socket) -> None:
    """Forget the messages until now."""
    systemd.settimeout(0)
    try:
        while True:
            systemd.recv(4096)
    except BlockingIOError:
        pass


@needs("systemd-socket-activate")
def test_w5_sockets_that_systemd_passes(loop: str, tmp_path: Path) -> None:
    """Both are served, nothing is bound; the client that made systemd start the server is answered."""
    port, unused, path = free_port(), free_port(), tmp_path / "esg.sock"
    listen = ("-l", f"127.0.0.1:{port}", "-l", str(path), "-E", f"PYTHONPATH={ROOT}")
    with Program("systemd-socket-activate", *listen, *ESG, "--loop", loop, "--port", str(unused)) as server:
        server.wait_for("Listening on .* as 4")
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as first:
            assert get(first).status == 200
        with socket.socket(socket.AF_UNIX) as second:
            second.connect(str(path))
            assert get(second).status == 200
        assert refuses(unused)
        assert f"running on http://127.0.0.1:{port}, unix:{path}" in server.output
        assert server.stop() == 0
    assert path.exists()


ACTIVATED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.argv[2], sys.argv[2:], {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
"""
"""What systemd does before it runs a service whose socket it holds."""


@pytest.mark.slow
def test_w5_no_client_is_refused_during_a_restart(loop: str) -> None:
    """systemd holds the socket, so a client that connects between two servers waits."""
    is_over, answers = threading.Event(), threading.Semaphore(0)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as held, ThreadPoolExecutor(1) as pool:

        def ask_all_the_time() -> None:
            while not is_over.is_set():
                with socket.create_connection(held.getsockname(), PATIENCE) as connection:
                    assert get(connection).status == 200
                answers.release()

        asking = pool.submit(ask_all_the_time)
        try:
            for round_ in range(4):
                command = (sys.executable, "-c", ACTIVATED, str(held.fileno()), *ESG, "--loop", loop)
                with Program(*command, inherit=(held.fileno(),)) as server:
                    assert all(answers.acquire(timeout=PATIENCE) for _ in range(50))
                    if round_ == 3:
                        is_over.set()
                        asking.result()
                    assert server.stop() == 0
        finally:
            is_over.set()


def test_w5_sockets_of_another_process_are_ignored(loop: str) -> None:
    """`LISTEN_PID` is that of the test."""
    port = free_port()
    env = {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    with Program(*ESG, "--loop", loop, "--port", str(port), env=env) as server:
        server.wait_for(f"running on http://127.0.0.1:{port}")
        assert server.stop() == 0
