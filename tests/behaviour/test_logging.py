"""Logs of real servers (rules R-2 and R-3)."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.support.e2e.server import PATIENCE, ROOT, Program, Server

APP = "tests.behaviour.apps.logged:app"

CLIENT = r"127\.0\.0\.1:\d+"


def ask(server: Server, target: bytes = b"/x?y", *fields: bytes) -> bytes:
    """The whole answer to a GET."""
    request = b"\r\n".join((b"GET %b HTTP/1.1" % target, b"host: x", b"connection: close", *fields, b"", b""))
    with server.connect() as connection:
        connection.sendall(request)
        return whole(connection)


def whole(connection: socket.socket) -> bytes:
    """All data until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def objects(server: Program) -> list[dict[str, object]]:
    """The lines of the output that are JSON."""
    return [json.loads(line) for line in server.lines if line.startswith("{")]


def test_access_lines_have_the_known_shape_and_come_within_100_ms() -> None:
    """Rule R-3."""
    with Server(APP) as server:
        ask(server)
        begin = time.monotonic()
        server.wait_for(rf'(?m)^INFO:     {CLIENT} - "GET /x\?y HTTP/1.1" 200 OK$')
        assert time.monotonic() - begin < 10  # at the latest after 100 ms, and then the machine must get to it


def test_all_goes_to_stdout_and_nothing_to_stderr(tmp_path: Path) -> None:
    """Rule R-2."""
    errors = tmp_path / "errors"
    command = f'exec "{sys.executable}" -m esg {APP} --port 0 2>"{errors}"'
    with Program("sh", "-c", command) as program:
        program.wait_for("http://")
        assert program.stop() == 0
        assert "Finished server process" in program.output
    assert errors.read_text() == ""


def test_an_error_comes_with_its_traceback_and_after_the_lines_before_it() -> None:
    """Rules R-2 and R-3: the batch is flushed on error."""
    with Server(APP) as server:
        for _ in range(5):
            ask(server)
        ask(server, b"/fail")
        server.wait_for('"GET /fail HTTP/1.1" 500 Internal Server Error')
        lines = server.lines
        error = next(number for number, line in enumerate(lines) if line.startswith("ERROR:    "))
        assert "Traceback (most recent call last):" in lines[error:]
        assert "RuntimeError: the application has failed" in lines[error:]
        assert sum('"GET /x?y HTTP/1.1" 200 OK' in line for line in lines[:error]) == 5


def test_json_lines_have_everything_and_tell_of_aborted_responses() -> None:
    """Rule R-3."""
    with Server(APP, "--access-log-format", "json") as server:
        ask(server, b"/x?y", b"user-agent: test/1", b"referer: http://localhost/", b"x-request-id: abc-1")
        server.wait_for('"target":"/x')
        with server.connect() as connection:
            connection.sendall(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n")
            while b"first" not in connection.recv(65536):
                pass
            time.sleep(0.05)  # a measurable duration
        server.wait_for('"target":"/stream"')
        with server.connect() as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            whole(connection)
        server.wait_for('"status":400')
        plain, stream, bad = objects(server)
    assert re.fullmatch(CLIENT, str(plain.pop("client")))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(plain.pop("time")))
    assert 0 <= float(str(plain.pop("duration_ms"))) < 5000
    assert plain == {
        "method": "GET",
        "target": "/x?y",
        "version": "1.1",
        "status": 200,
        "size": 5,
        "request_id": "abc-1",
        "referer": "http://localhost/",
        "user_agent": "test/1",
        "tls": None,
        "aborted": False,
    }
    assert (stream["status"], stream["size"], stream["aborted"]) == (200, 5, True)
    assert float(str(stream["duration_ms"])) >= 50
    assert bad["method"] is None
    assert re.fullmatch(CLIENT, str(bad["client"]))


def test_a_format_of_atoms() -> None:
    """Rule R-3."""
    text = '%(h)s %(l)s %(u)s "%(r)s" %(s)s %(b)s "%({accept}i)s" %(L)s'
    with Server(APP, "--access-log-format", text) as server:
        ask(server, b"/x?y", b"accept: text/plain")
        server.wait_for(r'(?m)^127\.0\.0\.1 - - "GET /x\?y HTTP/1.1" 200 5 "text/plain" \d\.\d{6}$')


def test_an_unknown_atom_is_one_line_and_exit_code_2() -> None:
    with Server(APP, "--access-log-format", "%(h)s %(nothing)s") as server:
        assert server.wait() == 2
        (error,) = [line for line in server.lines if not line.startswith("INFO:")]
        assert "unknown atom %(nothing)s; known atoms are %(h)s" in error


def test_a_log_config_that_is_not_there_is_one_line_and_exit_code_2() -> None:
    with Server(APP, "--log-config", "no-such-file.json") as server:
        assert server.wait() == 2
        (line,) = server.lines
        assert line == "Error: --log-config no-such-file.json: no such file or directory"


@pytest.mark.parametrize("form", ["default", "json", '%(r)s "%(a)s" "%(f)s"'])
def test_no_client_can_forge_a_line(form: str) -> None:
    """Rule R-3: log injection is impossible."""
    with Server(APP, "--access-log-format", form) as server:
        ask(server, b"/%0d%0aINFO:%20forged%1b[31m")
        ask(server, b"/\x1b[31mforged")
        ask(server, b'/"%20200%20OK%0aforged')
        ask(server, b"/\xc2\x85forged", b"user-agent: \xe2\x80\xae forged")
        ask(server, b"/last", b'user-agent: forged" "x', b"x-request-id: \xffforged")
        server.wait_for("/last")
        assert server.stop() == 0
        assert not [line for line in server.lines if line.startswith(("forged", "INFO: forged", " forged"))]
        assert all(line.isprintable() and line.isascii() for line in server.lines)


def test_no_access_log_and_a_higher_level_are_silent() -> None:
    for option in (("--no-access-log",), ("--log-level", "warning")):
        # without the line that names the port, the port must be known
        with socket.create_server(("127.0.0.1", 0)) as listener:
            os.set_inheritable(listener.fileno(), True)
            command = (sys.executable, "-m", "esg", APP, "--fd", str(listener.fileno()), *option)
            with subprocess.Popen(command, cwd=ROOT, close_fds=False, stdout=subprocess.PIPE) as process:
                with socket.create_connection(listener.getsockname(), PATIENCE) as connection:
                    connection.sendall(b"GET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                    assert whole(connection).startswith(b"HTTP/1.1 200 ")
                process.send_signal(signal.SIGTERM)
                output, _ = process.communicate(timeout=PATIENCE)
        assert b"GET /x" not in output


LOG_CONFIG = {
    "version": 1,
    "formatters": {"json": {"()": "esg_core.logs.JSONFormatter"}, "access": {"()": "esg_core.logs.AccessFormatter"}},
    "handlers": {
        "stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"},
        "file": {"class": "logging.handlers.WatchedFileHandler", "formatter": "access", "filename": "access.log"},
    },
    "loggers": {
        "esg": {"handlers": ["stdout"], "level": "INFO"},
        "esg.access": {"handlers": ["file"], "level": "INFO"},
    },
}


def test_a_configuration_of_ones_own_gets_ordinary_records(tmp_path: Path) -> None:
    """Rule R-3: a user's own logging configuration gets ordinary records."""
    (tmp_path / "log.json").write_text(json.dumps(LOG_CONFIG))
    app_dir = ("--app-dir", str(ROOT))
    with Server(APP, "--log-config", "log.json", *app_dir, cwd=tmp_path) as server:
        ask(server, b"/x?y", b"x-request-id: abc")
        assert server.stop() == 0
        entries = [json.loads(line) for line in server.lines if line != "printed by the application"]
    (access,) = [entry for entry in entries if entry["logger"] == "esg.access"]
    assert access["request_id"] == "abc"
    assert access["duration_ms"] >= 0
    assert access["full_path"] == "/x?y"
    assert {entry["level"] for entry in entries} == {"info"}
    assert re.fullmatch(
        rf'INFO:     {CLIENT} - "GET /x\?y HTTP/1.1" 200 OK\n', (tmp_path / "access.log").read_text(encoding="utf-8")
    )


def test_a_filter_that_the_application_sets_at_start_up_counts() -> None:
    """Rule R-3."""
    with Server("tests.behaviour.apps.logged:filtering_app") as server:
        ask(server, b"/health")
        ask(server, b"/other")
        server.wait_for(rf'(?m)^INFO:     {CLIENT} - "GET /other HTTP/1.1" 200 OK$')
        assert "/health" not in server.output


def test_what_the_application_prints_comes_out_with_the_log() -> None:
    with Server(APP) as server:
        ask(server)
        server.wait_for("200 OK")
        assert server.lines.index("printed by the application") < len(server.lines) - 1


@pytest.mark.parametrize("codec", ["websockets", "wsproto"])
def test_a_websocket_has_the_lines_that_users_of_uvicorn_know(codec: str) -> None:
    """Rule R-3."""
    with Server("tests.behaviour.apps.traced:app", "--ws", codec) as server:
        with connect(f"ws://127.0.0.1:{server.port}/ws?x=%22", open_timeout=PATIENCE) as websocket:
            websocket.send("hello")
            assert websocket.recv(PATIENCE) == "hello"
        server.wait_for("connection closed")
        at = r"(?m)^INFO:     127\.0\.0\.1:(\d+) - "
        told = re.findall(
            rf'{at}("WebSocket /ws\?x=%22" \[accepted\]|connection open|connection closed)$', server.output
        )
    assert [what for _, what in told] == ['"WebSocket /ws?x=%22" [accepted]', "connection open", "connection closed"]
    assert len({port for port, _ in told}) == 1


def test_r5_timestamps() -> None:
    with Server(APP, "--log-timestamps") as server:
        ask(server)
        server.wait_for("200 OK")
        assert server.stop() == 0
        lines = [line for line in server.lines if line != "printed by the application"]
    assert len(lines) > 5
    assert [line for line in lines if not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO:     ", line)] == []


def test_the_last_lines_are_there_after_a_stop() -> None:
    """Rule R-3: flushed at exit."""
    with Server(APP) as server:
        for number in range(20):
            ask(server, b"/%d" % number)
        assert server.stop() == 0
        assert re.findall(r'"GET /(\d+) HTTP', server.output) == [str(number) for number in range(20)]


def test_the_last_lines_are_there_after_a_stop_by_force() -> None:
    """Rule R-3: flushed at exit, even at a forced one."""
    with Server(APP, "--timeout-graceful-shutdown", "0.1") as server, server.connect() as connection:
        head = b" HTTP/1.1\r\nhost: x\r\n\r\n"
        connection.sendall(b"GET /before" + head + b"GET /block" + head)
        server.wait_for("the loop is blocked")
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 1
        assert '"GET /before HTTP/1.1" 200 OK' in server.output
        assert "stopped by force" in server.output


@pytest.mark.parametrize(
    ("environment", "options", "coloured"),
    [
        ({}, (), False),
        ({"FORCE_COLOR": "1"}, (), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({"NO_COLOR": "1"}, ("--use-colors",), True),
        ({"FORCE_COLOR": "1"}, ("--no-use-colors",), False),
    ],
)
def test_colours_off_a_terminal(environment: dict[str, str], options: tuple[str, ...], coloured: bool) -> None:
    """Rule R-2."""
    with Server(APP, *options, env=plain_environment() | environment) as server:
        ask(server)
        server.wait_for(r"200 OK")
        assert ("\x1b[32mINFO\x1b[0m" in server.output) is coloured
        assert ("\x1b[32m200 OK\x1b[0m" in server.output) is coloured


@pytest.mark.parametrize("no_colour", [False, True])
def test_colours_on_a_terminal(no_colour: bool) -> None:
    """Rule R-2: coloured on a terminal, NO_COLOR respected."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = plain_environment() | {"TERM": "xterm"} | ({"NO_COLOR": "1"} if no_colour else {})
    command = (sys.executable, "-m", "esg", APP, "--port", "0")
    with (
        os.fdopen(ours, "rb", buffering=0) as terminal,
        subprocess.Popen(command, cwd=ROOT, stdout=theirs, env=environment) as process,
    ):
        os.close(theirs)
        seen = b""
        while b"quit)" not in seen:
            seen += terminal.read(1024)
        process.send_signal(signal.SIGTERM)
        while b"Finished" not in seen:
            seen += terminal.read(1024)
        assert process.wait(PATIENCE) == 0
    assert (b"\x1b[32mINFO\x1b[0m:     " in seen) is not no_colour
    assert (b"process [\x1b[36m%d\x1b[0m]" % process.pid in seen) is not no_colour
    assert bool(re.search(rb"running on \x1b\[1mhttp://127\.0\.0\.1:\d+\x1b\[0m ", seen)) is not no_colour
    assert (b"\x1b" in seen) is not no_colour


def plain_environment() -> dict[str, str]:
    """The environment of this process, without the variables that decide about colours."""
    return {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}


def test_a_reader_that_does_not_read_the_log_holds_no_request_up(tmp_path: Path) -> None:
    """Rule R-3: a full pipe blocks no request; what fits into the bound is there when it is finally read."""
    path = str(tmp_path / "socket")
    command = (sys.executable, "-m", "esg", "examples.hello:app", "--uds", path)
    requests = 2500
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        with connected(path) as connection:
            for _ in range(requests):
                connection.sendall(b"GET /" + b"x" * 100 + b" HTTP/1.1\r\nhost: x\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert output.count(b'HTTP/1.1" 200 OK\n') == requests


def connected(path: str) -> socket.socket:
    """A connection to a server that is about to listen."""
    deadline = time.monotonic() + PATIENCE
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return connection
