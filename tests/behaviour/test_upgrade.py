"""W-3: SIGUSR2 starts the program again on the same sockets, with real processes and connections."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.behaviour.lifecycle import answer, get, refuses, request
from tests.support.behaviour.notified import hear, systemd
from tests.support.behaviour.working import APP, Workers, processes
from tests.support.e2e.server import PATIENCE, ROOT, URL, Program
from tests.support.e2e.wire import ask
from tests.support.reload.processes import is_running, wait_until

__all__ = ["systemd"]  # a fixture is used by its name


class Upgraded(Workers):
    """A server whose program is replaced; `main` is the process that signals go to."""

    main: int
    seen: int

    def upgrade(self) -> None:
        """Start the program again, and return when the new one serves and the old one has gone."""
        former, before = self.main, self.there
        os.kill(former, signal.SIGUSR2)
        new = int(self.wait_for(r"Starting a new program \[(\d+)\]", self.seen)[1])
        self.wait_for(rf"The new program \[{new}\] is serving; this one ends")
        self.seen = len(self.lines)
        self.main = new
        self.next(before)
        wait_until(lambda: not is_running(former))


@contextmanager
def upgraded(*options: str, app: str = APP, env: dict[str, str] | None = None) -> Iterator[Upgraded]:
    """A server with two workers; no process of it is left afterwards, whatever happens."""
    with Upgraded(2, *options, app=app, env=env) as server:
        server.main, server.seen = server.pid, 0
        server.settle(2)
        try:
            yield server
        finally:
            if is_running(server.main):
                os.kill(server.main, signal.SIGTERM)
            wait_until(lambda: not any(is_running(pid) for pid in processes(server)))


def test_w3_m4_a_new_program_takes_over_without_a_loss() -> None:
    """A running request ends, either program serves new ones, and the old program ends cleanly."""
    with upgraded() as server, server.connect() as running:
        before = server.there
        running.sendall(request("/sleep?s=1"))
        os.kill(server.main, signal.SIGUSR2)
        while set(server.there) & set(before):
            assert server.get("/") == "hello"
        assert answer(running).body == b"hello"
        assert server.process.wait(PATIENCE) == 0
        server.main = int(server.wait_for(r"The new program \[(\d+)\] is serving; this one ends")[1])
        server.settle(2)
        assert server.get("/parent") == str(server.main)
        os.kill(server.main, signal.SIGTERM)
        wait_until(lambda: refuses(server.port))


def test_w3_m4_if_the_new_program_fails_the_old_one_goes_on(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    with upgraded(env={**os.environ, "BROKEN": str(broken)}) as server:
        before = server.there
        broken.touch()
        os.kill(server.main, signal.SIGUSR2)
        server.wait_for(r"ERROR:    The new program failed: exit code 3; this one keeps serving")
        assert server.output.count("ZeroDivisionError: broken on purpose") == 1
        assert server.get("/") == "hello"
        assert server.there == before
        broken.unlink()
        server.seen = len(server.lines)
        server.upgrade()


def test_w3_a_new_program_that_fails_leaves_the_files_of_unix_sockets(tmp_path: Path) -> None:
    """L-4: the old one goes on behind them."""
    broken, path = tmp_path / "broken", tmp_path / "esg.sock"
    addresses = ("--bind", "127.0.0.1:0", "--bind", f"unix:{path}")
    with upgraded(*addresses, env={**os.environ, "BROKEN": str(broken)}) as server:
        broken.touch()
        os.kill(server.main, signal.SIGUSR2)
        server.wait_for(r"ERROR:    The new program failed: exit code 3; this one keeps serving")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(path))
            assert ask(connection, request("/")).body == b"hello"


def test_w3_there_is_one_new_program_at_a_time() -> None:
    with upgraded() as server:
        before = server.there
        os.kill(server.main, signal.SIGUSR2)
        new = server.wait_for(r"Starting a new program \[(\d+)\]")[1]
        os.kill(server.main, signal.SIGUSR2)
        server.wait_for(rf"WARNING:  A new program is already starting \[{new}\]")
        server.wait_for(rf"The new program \[{new}\] is serving; this one ends")
        server.main = int(new)
        server.next(before)
        assert server.output.count("Starting a new program") == 1


def test_w3_a_unix_socket_and_the_pid_file_go_over(tmp_path: Path) -> None:
    """L-4: the file is removed by the last program, at the end."""
    path, pid_file = tmp_path / "esg.sock", tmp_path / "esg.pid"
    options = ("--bind", f"unix:{path}", "--bind", "127.0.0.1:0", "--pid-file", str(pid_file))
    with upgraded(*options) as server:
        assert pid_file.read_text() == f"{server.main}\n"
        for _ in range(2):
            server.upgrade()
            assert pid_file.read_text() == f"{server.main}\n"
            assert server.get("/") == "hello"
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(PATIENCE)
                connection.connect(str(path))
                assert ask(connection, request("/")).body == b"hello"
        os.kill(server.main, signal.SIGTERM)
        wait_until(lambda: not is_running(server.main))
        assert (path.exists(), pid_file.exists()) == (False, False)


def test_w3_a_stop_during_an_upgrade_ends_both(tmp_path: Path) -> None:
    with upgraded() as server:
        os.kill(server.main, signal.SIGUSR2)
        new = int(server.wait_for(r"Starting a new program \[(\d+)\]")[1])
        assert server.stop() == 0
        wait_until(lambda: not is_running(new))


PROGRAM = """\
import sys
import esg
print("program", sys.argv[1:], flush=True)
esg.run("tests.behaviour.apps.workers:app", port=0, workers=1, reuse_port=True, access_log=False)
"""


def test_w3_a_program_is_run_again_with_its_arguments(tmp_path: Path) -> None:
    """Only by an upgrade: workers do not import it. Here, workers have their own sockets."""
    (tmp_path / "program.py").write_text(PROGRAM)
    command = (sys.executable, str(tmp_path / "program.py"), "--colour", "blue")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Program(*command, env=environment) as program:
        port = int(program.wait_for(URL)[3])
        program.process.send_signal(signal.SIGUSR2)
        new = int(program.wait_for(r"The new program \[(\d+)\] is serving")[1])
        assert program.process.wait(PATIENCE) == 0
        try:
            assert program.lines.count("program ['--colour', 'blue']") == 2
            assert program.lines.count("program []") == 0
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
                assert get(connection).status == 200
        finally:
            os.kill(new, signal.SIGTERM)
            wait_until(lambda: not is_running(new))


class Heard(threading.Thread):
    """All that systemd is told, read as it comes: unread messages would hold up their sender."""

    def __init__(self, systemd: socket.socket) -> None:
        super().__init__(daemon=True)
        self.told: list[dict[str, str]] = []
        self._systemd = systemd
        self.start()

    def run(self) -> None:
        while message := hear(self._systemd):
            self.told.append(message)

    def all(self, key: str) -> list[str]:
        return [message[key] for message in self.told if key in message]

    def count(self, key: str) -> int:
        return len(self.all(key))


def test_w5_systemd_is_told_by_the_main_process(systemd: socket.socket) -> None:
    """READY when all workers are, RELOADING, the new main process, STOPPING; and the watchdog meanwhile."""
    heard = Heard(systemd)
    with upgraded(env={**os.environ, "NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "600000"}) as server:
        wait_until(lambda: heard.count("READY") == 1)
        assert heard.all("STATUS") == ["Serving with 2 workers"]
        os.kill(server.main, signal.SIGHUP)
        wait_until(lambda: heard.count("RELOADING") == 1)
        wait_until(lambda: heard.count("READY") == 2)
        server.upgrade()
        wait_until(lambda: heard.count("MAINPID") == 1 and heard.count("READY") == 3)
        assert heard.all("MAINPID") == [str(server.main)]
        os.kill(server.main, signal.SIGTERM)
        wait_until(lambda: not is_running(server.main))
        wait_until(lambda: heard.count("STOPPING") == 1)
        assert (heard.count("READY"), heard.count("RELOADING"), heard.count("MAINPID")) == (3, 1, 1)
        assert heard.count("WATCHDOG") > 3
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.sendto(b"", systemd.getsockname())
    heard.join(PATIENCE)
    assert not heard.is_alive()
