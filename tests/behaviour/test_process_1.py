"""L-8: as process 1 of a container, ESG reaps orphans, and leaves the application's children to the application."""

import fcntl
import os
import pty
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import answer, get, is_closed, request
from tests.support.behaviour.namespace import Process1, needs_namespaces
from tests.support.behaviour.working import connect_to
from tests.support.e2e.server import PATIENCE, ROOT, URL
from tests.support.reload.processes import wait_until

pytestmark = needs_namespaces()

APP = "tests.behaviour.apps.children:app"
PYTHON = sys.executable
ESG = (PYTHON, "-m", "esg", APP, "--port", "0", "--no-access-log")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

PROGRAM = """\
import esg
from tests.behaviour.apps.children import app
esg.run(app, port=0, access_log=False)
print("the program goes on", flush=True)
"""

WAYS = {
    "uvloop": (*ESG, "--loop", "uvloop"),
    "asyncio": (*ESG, "--loop", "asyncio"),
    "workers": (*ESG, "--workers", "2"),
    "preload": (*ESG, "--workers", "2", "--preload"),
    "reload": (*ESG, "--reload"),
    "program": (PYTHON, "-c", PROGRAM),
    "esg-reload": (PYTHON, "-m", "esg_reload", "--grace", "5", "--", *ESG),
}


@contextmanager
def serving(*command: str, env: dict[str, str] = ENVIRONMENT, inherit: tuple[int, ...] = ()) -> Iterator[Process1]:
    with Process1(*command, env=env, inherit=inherit) as program:
        program.wait_for(URL)
        yield program


def ask(program: Process1, path: str) -> str:
    with connect_to(int(program.wait_for(URL)[3])) as connection:
        return get(connection, path).body.decode()


def states(connection: socket.socket, processes: list[str]) -> list[bytes]:
    """The states of processes, as seen by the one that serves this connection."""
    return [get(connection, f"/state?pid={process}").body for process in processes]


def wait_for_end_of_an_orphan(connection: socket.socket) -> None:
    orphan = [get(connection, "/orphan").body.decode()]
    wait_until(lambda: states(connection, orphan) == [b""], PATIENCE)


@pytest.mark.parametrize("way", WAYS)
def test_l8_orphans_are_reaped_and_children_are_not(way: str) -> None:
    with serving(*WAYS[way]) as program:
        with connect_to(int(program.wait_for(URL)[3])) as connection:
            children = get(connection, "/start").body.decode().split()
            wait_until(lambda: states(connection, children) == [b"Z", b"Z"])
            wait_for_end_of_an_orphan(connection)
            assert states(connection, children) == [b"Z", b"Z"]
            assert get(connection, "/codes").body == b"7 8 9 10"
        os.kill(program.first, signal.SIGTERM)
        assert program.wait() == 0
        if way == "program":
            assert program.lines[-1] == "the program goes on"


def test_l8_it_is_so_that_one_process_serves_below_process_1() -> None:
    with serving(*ESG) as program:
        assert ask(program, "/process") == "2 1"


# The end.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_l8_a_signal_drains(number: signal.Signals) -> None:
    """L-2: running requests end, and the exit code is that of the server."""
    with serving(*ESG) as program, connect_to(int(program.wait_for(URL)[3])) as connection:
        connection.sendall(request("/sleep?s=1"))
        program.wait_for("sleeping")
        os.kill(program.first, number)
        assert answer(connection).status == 200
        assert program.wait() == 0
        assert "Application shutdown complete" in program.output


def test_l8_two_signals_end_at_once() -> None:
    with serving(*ESG) as program, connect_to(int(program.wait_for(URL)[3])) as connection:
        connection.sendall(request("/sleep?s=60"))
        program.wait_for("sleeping")
        os.kill(program.first, signal.SIGTERM)
        program.wait_for("Shutting down")
        os.kill(program.first, signal.SIGTERM)
        assert program.wait() == 1


def test_l8_a_server_that_is_killed_ends_process_1() -> None:
    """With the code that shells use for it, because process 1 cannot kill itself."""
    with serving(*ESG) as program, connect_to(int(program.wait_for(URL)[3])) as connection:
        connection.sendall(request("/die"))
        assert is_closed(connection)
        assert program.wait() == 128 + signal.SIGKILL


@pytest.mark.parametrize(
    ("command", "code"), [((*ESG, "--http", "h12"), 2), ((*ESG[:3], "nothing:app", "--port", "0"), 3)]
)
def test_l8_a_failed_start_has_its_code(command: tuple[str, ...], code: int) -> None:
    with Process1(*command, env=ENVIRONMENT) as program:
        assert program.wait() == code


INTO_A_TERMINAL = "import os, sys; os.setsid(); os.open(sys.argv[1], os.O_RDWR); os.execvp(sys.argv[2], sys.argv[2:])"


def test_l8_a_terminal_interrupts_once() -> None:
    """It sends its signals to the server and to process 1; the second one would end the server at once."""
    keyboard, screen = pty.openpty()
    try:
        before = (PYTHON, "-c", INTO_A_TERMINAL, os.ttyname(screen))
        with Process1(*ESG, before=before, env=ENVIRONMENT) as program:
            program.wait_for(URL)
            os.write(keyboard, b"\x03")
            assert program.wait() == 0
            assert "Application shutdown complete" in program.output
            assert "second signal" not in program.output
    finally:
        os.close(keyboard)
        os.close(screen)


def test_l8_a_server_is_not_stopped_for_good() -> None:
    """CTRL+Z in a terminal: process 1 would not notice, and in a container no shell could continue it."""
    with serving(*ESG) as program:
        os.kill(program.second, signal.SIGTSTP)
        assert ask(program, "/") == "hello"


@pytest.mark.parametrize("options", [("--workers", "1"), ("--preload",)])
def test_l8_no_new_program_can_take_over_from_process_1(options: tuple[str, ...]) -> None:
    """W-3."""
    with serving(*ESG, *options) as program:
        os.kill(program.first, signal.SIGUSR2)
        program.wait_for("ERROR:    SIGUSR2: cannot start a new program: all processes end with this one")
        assert ask(program, "/") == "hello"


# What a copy of process 1 must keep, and what it could not keep.


def test_l8_sockets_that_are_passed_to_process_1_are_served() -> None:
    """W-5: the variable names the process that the sockets are passed to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = f"import os; os.dup2({listener.fileno()}, 3); os.execv({PYTHON!r}, {ESG!r})"
        environment = {**ENVIRONMENT, "LISTEN_FDS": "1", "LISTEN_PID": "1"}
        with serving(PYTHON, "-c", command, env=environment, inherit=(listener.fileno(),)) as program:
            assert int(program.wait_for(URL)[3]) == listener.getsockname()[1]
            assert ask(program, "/") == "hello"


BEFORE = """\
import fcntl, socket, subprocess, sys, threading, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
lock = open(sys.argv[2], "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
"""


def test_l8_what_a_program_has_opened_before_is_the_servers_alone(tmp_path: Path) -> None:
    """A client sees the end when the server closes its connection; a file lock stays held."""
    closing = PROGRAM.replace(
        "app\nesg.run(app",
        "app\nasync def close(scope, receive, send):\n    connection.close()\n"
        "    await app(scope, receive, send)\nesg.run(close",
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, lock = str(listener.getsockname()[1]), tmp_path / "lock"
        with serving(PYTHON, "-c", BEFORE + closing, port, str(lock)) as program:
            peer, _ = listener.accept()
            with peer, lock.open("w") as file:
                peer.settimeout(PATIENCE)
                with pytest.raises(BlockingIOError):
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                assert ask(program, "/process") == "2 1"
                assert is_closed(peer)


A_CHILD = "child = subprocess.Popen(['sh', '-c', 'exit 5'])", "print('ended with', child.wait())"
A_THREAD = (
    "end = threading.Event()\nthread = threading.Thread(target=end.wait, daemon=True)\nthread.start()",
    "print(thread)",
)


@pytest.mark.parametrize(("before", "after", "last"), [(*A_CHILD, "ended with 5"), (*A_THREAD, ", started daemon ")])
def test_l8_a_program_that_a_copy_would_lack_something_of_stays_process_1(before: str, after: str, last: str) -> None:
    """Its children would belong to another process, its threads would be missing: such a program needs another init."""
    with serving(PYTHON, "-c", f"import subprocess, threading\n{before}\n{PROGRAM}\n{after}") as program:
        assert ask(program, "/process") == "1 0"
        os.kill(program.first, signal.SIGTERM)
        assert program.wait() == 0
        assert last in program.lines[-1]
