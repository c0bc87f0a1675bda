"""Restarts as a user sees them (rules U-5, W-6, R-6): real commands, files, signals, sockets, with each watcher."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from esg_reload import Files, Reloader
from tests.support.e2e.server import Program
from tests.support.reload.changes import PATIENCE
from tests.support.reload.following import Follower
from tests.support.reload.processes import POLITE, STUBBORN, is_running, python, wait_until
from tests.support.reload.watchers import WATCHERS, watching_by

ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
"""Tests change files within a second, which is less than byte code can tell apart."""


RELOAD = [sys.executable, "-m", "esg_reload", "--delay", "0.1"]
MAIN = [sys.executable, "main.py"]


class Reloading(Program):
    """`esg-reload OPTIONS -- COMMAND` in a directory."""

    def __init__(self, here: Path, command: list[str], *options: str) -> None:
        super().__init__(*RELOAD, *options, "--", *command, cwd=here, env=ENVIRONMENT)
        self.next = Follower(self).next

    def pid_of_command(self) -> int:
        return int(self.next("^ready").split()[1])


@pytest.fixture(autouse=True, params=WATCHERS)
def watcher(request: pytest.FixtureRequest) -> Iterator[None]:
    with watching_by(request.param, ENVIRONMENT):
        yield


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(POLITE)
    return tmp_path.resolve()


@contextmanager
def reloading(here: Path, command: list[str], *options: str) -> Iterator[Reloading]:
    with Reloading(here, command, *options) as running:
        try:
            yield running
        finally:
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGQUIT)
                running.wait()


def test_u5_a_command_is_restarted_when_a_file_changes(here: Path) -> None:
    with reloading(here, MAIN) as running:
        assert running.next("Watching").endswith(f"Watching {here} for changes")
        first = running.pid_of_command()
        (here / "main.py").write_text(POLITE.replace("asked", "asked again"))
        assert running.next("restarting") == "esg-reload: main.py changed: restarting"
        running.next("^asked$")
        second = running.pid_of_command()
        assert second != first
        assert not is_running(first)
        assert running.stop() == 0
        assert running.lines[-1] == "asked again"
        assert not is_running(second)


def test_w6_a_broken_program_says_why_and_the_next_change_is_waited_for(here: Path) -> None:
    with reloading(here, MAIN) as running:
        running.pid_of_command()
        (here / "main.py").write_text("broken(\n")
        running.next("restarting")
        running.next("SyntaxError")
        assert running.next("waiting").endswith("Ended with exit code 1; waiting for a change")
        (here / "main.py").write_text(POLITE)
        running.pid_of_command()
        assert running.stop() == 0


def test_w6_it_may_be_broken_from_the_start(here: Path) -> None:
    (here / "main.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n")
    with reloading(here, MAIN) as running:
        assert running.next("waiting").endswith("Ended by SIGSEGV; waiting for a change")
        (here / "main.py").write_text(POLITE)
        running.pid_of_command()
        assert running.stop() == 0


def test_a_command_that_does_its_work_and_ends_is_run_again_for_each_change(here: Path) -> None:
    (here / "main.py").write_text("print('done', flush=True)\n")
    with reloading(here, MAIN) as running:
        for _ in range(3):
            running.next("^done$")
            assert running.next("waiting").endswith("Ended; waiting for a change")
            (here / "other.py").write_text("1\n")
        running.next("^done$")
        assert running.stop() == 0


def test_w6_a_burst_of_changes_is_one_restart_that_names_some(here: Path) -> None:
    with reloading(here, MAIN) as running:
        running.pid_of_command()
        for number in range(50):
            (here / f"m{number:02}.py").touch()
        named = running.next("restarting")
        names = ", ".join(f"m{number:02}.py" for number in range(10))
        assert named == f"esg-reload: {names} and 40 more changed: restarting"
        running.pid_of_command()
        assert running.stop() == 0
        assert running.output.count("restarting") == 1


def test_w6_two_files_are_both_named(here: Path) -> None:
    (here / "sub").mkdir()
    with reloading(here, MAIN, "--delay", "0.3") as running:
        running.pid_of_command()
        (here / "sub" / "b.py").touch()
        (here / "a.py").touch()
        assert running.next("restarting").endswith(f"a.py and {Path('sub', 'b.py')} changed: restarting")


def test_w6_options_say_what_is_watched(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere").resolve()
    options = ("--watch", str(elsewhere), "--include", "*.html", "--exclude", "skipped.*")
    with reloading(here, MAIN, *options) as running:
        running.pid_of_command()
        for path in (here / "main.py", elsewhere / "skipped.html", elsewhere / "a.txt"):
            path.write_text(POLITE)
        (elsewhere / "a.html").touch()
        named = f"esg-reload: {elsewhere / 'a.html'} changed: restarting"
        assert running.next("restarting") == named


def test_what_does_not_end_is_killed_and_restarted(here: Path) -> None:
    """That is no failure of the reloader: it has not been told to stop."""
    (here / "main.py").write_text(STUBBORN)
    with reloading(here, MAIN, "--grace", "1") as running:
        first = running.pid_of_command()
        (here / "main.py").write_text(POLITE)
        running.next("^asked$")
        running.next("Killed what did not end within 1 s")
        running.pid_of_command()
        assert not is_running(first)
        assert running.stop() == 0


def test_u5_the_exit_code_tells_whether_force_was_needed_at_the_end(here: Path) -> None:
    with reloading(here, python(STUBBORN), "--grace", "0.3") as running:
        pid = running.pid_of_command()
        assert running.stop() == 1
        assert not is_running(pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_in_order(here: Path, number: signal.Signals) -> None:
    with reloading(here, ["/bin/sh", "-c", '"$@" & wait', "sh", *MAIN]) as running:
        pid = running.pid_of_command()
        assert running.stop(number) == 0
        assert running.lines[-1] == "asked"
        assert not is_running(pid)


def test_a_second_signal_ends_everything_at_once(here: Path) -> None:
    with reloading(here, python(STUBBORN), "--grace", "60") as running:
        pid = running.pid_of_command()
        running.process.send_signal(signal.SIGTERM)
        running.next("^asked$")
        assert running.stop() == 1
        assert not is_running(pid)


def test_sigquit_ends_everything_at_once(here: Path) -> None:
    with reloading(here, python(STUBBORN), "--grace", "60") as running:
        pid = running.pid_of_command()
        assert running.stop(signal.SIGQUIT) == 1
        assert not is_running(pid)
        assert running.lines[-1].startswith("ready"), "it does not wait for a change"


def test_a_supervisor_that_signals_every_process_is_understood(here: Path) -> None:
    with reloading(here, MAIN) as running:
        os.kill(running.pid_of_command(), signal.SIGTERM)
        assert running.stop() == 0


def test_a_signal_while_nothing_runs(here: Path) -> None:
    with reloading(here, python("")) as running:
        running.next("Ended; waiting")
        assert running.stop() == 0


def test_nohup_holds(here: Path) -> None:
    with Program("nohup", *RELOAD, "--", *MAIN, cwd=here, env=ENVIRONMENT) as program:
        program.wait_for("ready")
        program.process.send_signal(signal.SIGHUP)
        (here / "main.py").write_text(POLITE)
        program.wait_for("restarting")
        assert program.stop() == 0


def test_a_command_that_is_gone_for_a_while(here: Path) -> None:
    """The build that makes it runs again: the next change starts it."""
    command = here / "command"
    command.symlink_to("/bin/true")
    with reloading(here, [str(command)], "--include", "command") as running:
        running.next("Ended; waiting")
        command.unlink()
        running.next(f"Cannot start {command}: No such file or directory; waiting for a change")
        command.symlink_to("/bin/true")
        running.next("Ended; waiting")
        assert running.stop() == 0


GREETER = """\
import os, signal, socket, sys
def serve(descriptor, greeting):
    listener = socket.socket(fileno=descriptor)
    print("ready", os.getpid(), flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(f"{greeting} {VERSION}".encode())
VERSION = 1
"""

PROGRAM = """\
import functools, logging, socket, sys
import greeter_of_test
from esg_reload import Reloader
logging.basicConfig(level="INFO", stream=sys.stdout)
listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1], flush=True)
work = functools.partial(greeter_of_test.serve, listener.fileno(), "hello")
sys.exit(Reloader(work, delay=0.1, descriptors=[listener.fileno()]).run())
"""


def greet(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        return connection.recv(100).decode()


def test_u5_w6_a_callable_gets_a_socket_that_stays_open(here: Path) -> None:
    """The program that reloads is not run again; what it reloads is imported afresh."""
    module = here / "greeter_of_test.py"
    module.write_text(GREETER)
    (here / "program.py").write_text(PROGRAM)
    with Program(sys.executable, "program.py", cwd=here, env=ENVIRONMENT) as program:
        port = int(program.wait_for(r"port (\d+)")[1])
        program.wait_for("ready")
        assert greet(port) == "hello 1"
        module.write_text("broken(\n")
        program.wait_for("SyntaxError")
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as waiting:
            module.write_text(GREETER.replace("VERSION = 1", "VERSION = 2"))
            assert waiting.recv(100) == b"hello 2"
        assert program.stop() == 0
        assert [line for line in program.lines if line.startswith("port ")] == program.lines[:1]


def test_a_reloader_in_another_thread_is_stopped_by_the_program(here: Path) -> None:
    """No signal is handled there, and the logger is whichever one gives it."""
    messages: list[str] = []
    started = threading.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())
            if "restarting" in messages[-1]:
                started.set()

    logger = logging.getLogger("esg_test_of_the_reloader")
    logger.setLevel(logging.INFO)
    logger.addHandler(Handler())
    reloader = Reloader(python("import time; time.sleep(60)"), Files(here), delay=0, logger=logger)
    codes: list[int] = []
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    thread = threading.Thread(target=lambda: codes.append(reloader.run()))
    thread.start()
    wait_until(lambda: messages == [f"Watching {here} for changes"])
    (here / "main.py").touch()
    assert started.wait(PATIENCE)
    reloader.stop()
    thread.join(PATIENCE)
    assert codes == [0]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_reloader_that_was_stopped_before_it_runs_starts_nothing(here: Path) -> None:
    reloader = Reloader(["/nowhere/command"], Files(here))
    reloader.stop()
    assert reloader.run() == 0
