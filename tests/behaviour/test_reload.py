"""W-6: `esg --reload` with real processes, files, signals and sockets."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from esg_core.errors import UsageError
from esg_core.lifecycle.server import Server as CoreServer
from esg_core.options.config import Config
from tests.support.behaviour.lifecycle import Clock, answer, get, refuses, request
from tests.support.e2e.server import PATIENCE, ROOT, URL, Program, Server
from tests.support.e2e.wire import ask
from tests.support.reload.following import Follower
from tests.support.reload.processes import is_running, wait_until
from tests.support.reload.watchers import WATCHERS, watching_by

ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
"""Tests change files within a second, which is less than byte code can tell apart."""

SOURCE = (ROOT / "tests/behaviour/apps/reloaded.py").read_text(encoding="utf-8")


HANDSHAKE = (
    b"GET /socket HTTP/1.1\r\nhost: esg\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Reloading(Server):
    """`esg reloaded:app --reload` in a directory with a copy of the application."""

    def __init__(self, here: Path, *options: str) -> None:
        self.file = here / "reloaded.py"
        self.file.write_text(SOURCE, encoding="utf-8")
        super().__init__("reloaded:app", "--reload", "--reload-delay", "0.1", *options, cwd=here, env=ENVIRONMENT)
        self.next = Follower(self).next

    def change(self, old: str = '"one"', new: str = '"two"') -> None:
        self.file.write_text(SOURCE.replace(old, new), encoding="utf-8")

    def ready(self) -> int:
        """Wait for the next start of the server, and return its process."""
        pid = int(self.next(r"Started server process").partition("[")[2].partition("]")[0])
        self.next("ESG running on")
        return pid

    def get(self, path: str = "/") -> str:
        with self.connect() as connection:
            return get(connection, path).body.decode()


@pytest.fixture(params=WATCHERS)
def watcher(request: pytest.FixtureRequest) -> Iterator[None]:
    with watching_by(request.param, ENVIRONMENT):
        yield


each_watcher = pytest.mark.usefixtures("watcher")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path.resolve()


@contextmanager
def reloading(here: Path, *options: str) -> Iterator[Reloading]:
    """A server that reloads and is ready; afterwards no process of it is left."""
    with Reloading(here, *options) as server:
        yield server
        processes = [int(pid) for pid in re.findall(r"Started \w+ process \[(\d+)\]", server.output)]
        if server.process.poll() is None:
            assert server.stop() == 0
        assert [pid for pid in processes if is_running(pid)] == []


# Changes.


@pytest.mark.everywhere
@each_watcher
def test_w6_a_change_is_served_and_named(here: Path) -> None:
    with reloading(here) as server:
        server.next(r"Started reloader process \[\d+\]")
        server.next(f"Watching {here} for changes")
        first = server.ready()
        assert (server.get(), server.get("/process")) == ("one", str(first))
        server.change()
        assert server.next("restarting").endswith("WARNING:  reloaded.py changed: restarting")
        server.next("application shut down")
        second = server.ready()
        assert (server.get(), server.get("/process")) == ("two", str(second))
        assert not is_running(first)


def test_w6_each_start_tells_the_address_once_and_the_port_stays(here: Path) -> None:
    with reloading(here, "--port", "0") as server:
        server.ready()
        server.change()
        server.ready()
        server.stop()
        told = URL.findall(server.output)
        assert len(told) == 2
        assert told[0] == told[1]
        assert told[0][2] != "0"


@each_watcher
def test_w6_a_broken_application_says_why_and_is_served_again_when_it_is_repaired(here: Path) -> None:
    """A request that arrives meanwhile waits."""
    with reloading(here) as server:
        server.ready()
        server.change("async def version(", "async def version((")
        server.next("SyntaxError: ")
        server.next("Error: cannot import the application 'reloaded:app': it raised SyntaxError during import")
        server.next("ERROR:    Ended with exit code 3; waiting for a change")
        with server.connect() as waiting:
            waiting.sendall(request("/"))
            server.change()
            assert answer(waiting).body == b"two"


def test_w6_it_may_be_broken_from_the_start(here: Path) -> None:
    (here / "late.py").write_text("nonsense\n", encoding="utf-8")
    with Server("late:app", "--reload", "--reload-delay", "0.1", cwd=here, env=ENVIRONMENT) as server:
        server.wait_for("NameError: name 'nonsense' is not defined")
        server.wait_for("waiting for a change")
        (here / "late.py").write_text(SOURCE, encoding="utf-8")
        with server.connect() as connection:
            assert get(connection).body == b"one"
        assert server.stop() == 0


def test_w6_a_failing_startup_is_waited_out_too(here: Path) -> None:
    with reloading(here, "--lifespan", "on") as server:
        server.ready()
        server.change("await asyncio.sleep(STARTUP)", "raise OSError('no database')")
        server.next("Ended with exit code 3; waiting for a change")
        assert "no database" in server.output
        server.change()
        server.ready()
        assert server.get() == "two"


def test_w6_a_request_during_a_restart_waits_and_succeeds(here: Path) -> None:
    with reloading(here) as server:
        server.ready()
        server.change("STARTUP = 0.0", "STARTUP = 0.7")
        server.next("Finished server process")
        clock = Clock()
        assert server.get() == "one"
        assert clock.seconds > 0.5, "the new process, which starts slowly, has answered"
        server.ready()


def test_w6_no_request_fails_through_many_restarts(here: Path) -> None:
    with reloading(here) as server:
        server.ready()
        for number in range(3):
            server.change('"one"', f'"v{number}"')
            while server.get() != f"v{number}":
                pass
        assert server.output.count("restarting") == 3


def test_w6_a_burst_of_changes_is_one_restart(here: Path) -> None:
    with reloading(here) as server:
        server.ready()
        for number in range(50):
            (here / f"m{number:02}.py").touch()
        assert server.next("restarting").endswith("m09.py and 40 more changed: restarting")
        server.ready()
        assert server.get() == "one"
        assert server.output.count("restarting") == 1


# What a restart does not wait for.


def test_w6_open_event_streams_do_not_hold_up_a_restart(here: Path) -> None:
    """Whatever `timeout-graceful-shutdown` says, and the lifespan ends as always."""
    with reloading(here, "--timeout-graceful-shutdown", "60") as server:
        server.ready()
        with server.connect() as stream:
            stream.sendall(request("/events"))
            assert b"event," in stream.recv(65536)
            server.change()
            server.next("restarting")
            clock = Clock()
            server.next("application shut down")
            server.next("Finished server process")
            assert clock.seconds < 5
        server.ready()
        assert server.get() == "two"


def test_w6_open_websockets_do_not_hold_up_a_restart(here: Path) -> None:
    """Not even for one whose client does not answer the closing handshake."""
    with reloading(here) as server:
        server.ready()
        with server.connect() as websocket:
            assert ask(websocket, HANDSHAKE).status == 101
            server.change()
            server.next("restarting")
            clock = Clock()
            server.next("Finished server process")
            assert clock.seconds < 5
        server.ready()
        assert server.get() == "two"


def test_w6_a_running_request_has_most_of_a_second(here: Path) -> None:
    with reloading(here) as server, server.connect() as connection:
        server.ready()
        connection.sendall(request("/busy"))
        server.next("busy")
        server.change()
        response = answer(connection)
        assert (response.status, response.body) == (200, b"one")
        server.ready()


def test_w6_a_blocked_event_loop_is_ended_by_force(here: Path) -> None:
    with reloading(here) as server, server.connect() as connection:
        first = server.ready()
        connection.sendall(request("/block"))
        server.next("blocking")
        server.change()
        server.next("did not stop in time: stopped by force")
        server.ready()
        assert server.get() == "two"
        assert not is_running(first)


def test_w6_options_that_would_end_or_hold_up_a_server_do_not_count(here: Path) -> None:
    with reloading(here, "--limit-max-requests", "1", "--shutdown-delay", "30") as server:
        server.ready()
        assert [server.get() for _ in range(3)] == ["one"] * 3
        server.change()
        server.ready()
        assert server.get() == "two"


# The end.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_w6_a_signal_ends_all_processes_in_order(here: Path, number: signal.Signals) -> None:
    """C-2: a clean stop."""
    with reloading(here) as server:
        child = server.ready()
        assert server.stop(number) == 0
        assert not is_running(child)
        assert server.lines[-2].endswith(f"Finished server process [{child}]")
        assert server.lines[-1].endswith(f"Finished reloader process [{server.pid}]")
        assert "application shut down" in server.lines
        assert refuses(server.port)


def test_w6_nothing_outlives_a_reloader_that_is_killed(here: Path) -> None:
    with reloading(here) as server:
        child = server.ready()
        server.process.kill()
        server.wait()  # wait for the end of the output too, which the server writes to while it runs
        assert "application shut down" in server.lines
        wait_until(lambda: not is_running(child))
        assert refuses(server.port)


def test_w6_a_signal_while_the_application_is_broken(here: Path) -> None:
    with reloading(here) as server:
        server.ready()
        server.change("async def", "async deaf")
        server.next("waiting for a change")
        assert server.stop() == 0


# Which files.


def test_w6_other_files_can_be_included_and_python_files_excluded(here: Path) -> None:
    options = ("--reload-include", "*.html", "--reload-exclude", "test_*")
    with reloading(here, *options) as server:
        server.ready()
        for name in ("test_shop.py", "notes.txt", ".hidden.py"):
            (here / name).touch()
        (here / "templates").mkdir()
        (here / "templates" / "shop.html").touch()
        assert server.next("restarting").endswith(f"WARNING:  {Path('templates', 'shop.html')} changed: restarting")
        server.ready()
        assert server.output.count("restarting") == 1


def test_w6_other_directories_can_be_watched_instead(here: Path) -> None:
    for name in ("a", "b"):
        (here / name).mkdir()
    with reloading(here, "--reload-dir", "a", "--reload-dir", "b") as server:
        server.ready()
        server.change()
        (here / "b" / "x.py").touch()
        assert server.next("restarting").endswith(f"WARNING:  {Path('b', 'x.py')} changed: restarting")
        server.ready()
        assert server.get() == "two"


def test_w6_the_directory_of_the_application_is_watched_too(here: Path) -> None:
    source, elsewhere = here / "source", here / "elsewhere"
    for directory in (source, elsewhere):
        directory.mkdir()
    (source / "reloaded.py").write_text(SOURCE, encoding="utf-8")
    options = ("--app-dir", str(source), "--reload", "--reload-delay", "0.1")
    with Server("reloaded:app", *options, cwd=elsewhere, env=ENVIRONMENT) as server:
        assert server.url
        (source / "reloaded.py").write_text(SOURCE.replace('"one"', '"two"'), encoding="utf-8")
        server.wait_for(f"{source / 'reloaded.py'} changed: restarting")
        with server.connect() as connection:
            assert get(connection).body in (b"one", b"two")
        assert server.stop() == 0


# Where it listens.


def test_w6_a_unix_socket_stays_the_same_and_is_removed_at_the_end(here: Path) -> None:
    """L-4: by the process that made it."""
    path = here / "esg.sock"
    with reloading(here, "--uds", str(path)) as server:
        server.ready()
        before = path.stat().st_ino
        server.change()
        server.ready()
        assert path.stat().st_ino == before
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(path))
            assert ask(connection, request("/")).body == b"two"
        assert server.stop() == 0
        assert not path.exists()


def test_w6_an_inherited_socket_is_passed_on(here: Path) -> None:
    (here / "reloaded.py").write_text(SOURCE, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        command = (
            sys.executable,
            "-m",
            "esg",
            "reloaded:app",
            "--reload",
            "--reload-delay",
            "0.1",
            "--fd",
            str(number),
        )
        with Program(*command, cwd=here, env=ENVIRONMENT, inherit=(number,)) as program:
            follower = Follower(program)
            follower.next("ESG running on")
            (here / "reloaded.py").write_text(SOURCE.replace('"one"', '"two"'), encoding="utf-8")
            follower.next("Finished server process")
            with socket.create_connection(listener.getsockname(), PATIENCE) as connection:
                assert get(connection).body == b"two"
            assert program.stop() == 0


def test_w6_several_listeners(here: Path) -> None:
    with reloading(here, "--bind", "127.0.0.1:0", "--bind", f"unix:{here / 'esg.sock'}") as server:
        server.ready()
        server.change()
        server.ready()
        assert server.get() == "two"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(here / "esg.sock"))
            assert ask(connection, request("/")).body == b"two"


# From a program, and what is refused.

PROGRAM = """\
import sys
import esg
print("program", flush=True)
esg.run("reloaded:app", port=0, reload=True, reload_delay=0.1)
print("end of program", flush=True)
"""


def test_w6_a_program_is_not_run_again_for_each_start(here: Path) -> None:
    (here / "reloaded.py").write_text(SOURCE, encoding="utf-8")
    (here / "program.py").write_text(PROGRAM, encoding="utf-8")
    with Program(sys.executable, "program.py", cwd=here, env=ENVIRONMENT) as program:
        follower = Follower(program)
        follower.next("ESG running on")
        (here / "reloaded.py").write_text(SOURCE.replace('"one"', '"two"'), encoding="utf-8")
        follower.next("restarting")
        port = int(URL.findall(follower.next("ESG running on"))[0][2])
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            assert get(connection).body == b"two"
        assert program.stop() == 0
        assert (program.lines.count("program"), program.lines[-1]) == (1, "end of program")


def refused(here: Path, program: str) -> tuple[int, str]:
    """The exit code of a program, and the one line that it prints, on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=here, timeout=PATIENCE
    )
    (line,) = done.stderr.splitlines()
    assert done.stdout == ""
    return done.returncode, line


def run_with(options: str) -> str:
    return f"import esg; esg.run('reloaded:app', port=0, reload=True, {options})"


def test_w6_an_application_that_is_an_object_is_refused(here: Path) -> None:
    error = "Error: reload needs app as 'MODULE:ATTRIBUTE': a new process imports it"
    assert refused(here, "import esg; esg.run(print, reload=True)") == (2, error)


def test_w6_what_cannot_be_handed_to_a_fresh_process_is_refused(here: Path) -> None:
    code, line = refused(here, run_with("log_config={'version': 1, 'x': lambda: None}"))
    assert code == 2
    assert "reload: the options cannot be passed to a new process: " in line


def test_w6_without_the_package_one_line_says_how_to_get_it(here: Path) -> None:
    code, line = refused(here, f"import sys; sys.modules['esg_reload'] = None; {run_with('')}")
    assert code == 2
    assert line == (
        "Error: reload needs a package: pip install ./packages/esg-reload in a clone of ESG, "
        "pip install --find-links DIST esg-reload with its wheels in DIST"
    )


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("reload_dir", "reload_dir: there is no directory 'nowhere'"),
        ("app_dir", "app_dir='nowhere': no such directory"),
    ],
)
def test_w6_a_directory_that_is_not_there(here: Path, option: str, text: str) -> None:
    code, line = refused(here, run_with(f"{option}='nowhere'"))
    assert (code, line) == (2, f"Error: {text}")


@pytest.mark.parametrize(
    ("options", "code"), [("http='h12'", 2), ("ssl_certfile='nowhere.pem'", 2), ("bind=['unix:/nowhere/esg.sock']", 3)]
)
def test_w6_what_no_change_of_a_file_can_mend_ends_the_reloader(here: Path, options: str, code: int) -> None:
    options = options if options.startswith("bind") else f"port=0, {options}"
    assert refused(here, f"import esg; esg.run('reloaded:app', reload=True, {options})")[0] == code


def test_w6_a_server_in_a_loop_cannot_restart_itself() -> None:
    with pytest.raises(UsageError, match=r"^reload: a server cannot restart itself: use the command esg, or esg\.run"):
        asyncio.run(CoreServer(Config("reloaded:app", port=0, reload=True)).serve())


def test_w6_the_command_without_the_package_esg_refuses_too(here: Path) -> None:
    """The command line alone cannot reload."""
    program = "from esg_cli.command import main; main(['reloaded:app', '--reload', '--port', '0'])"
    code, line = refused(here, program)
    assert code == 2
    assert "reload: a server cannot restart itself" in line
