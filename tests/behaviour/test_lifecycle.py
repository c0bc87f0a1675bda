"""L-1 to L-5, seen from outside: real processes, real signals, real connections, on both event loops."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import (
    APP,
    LIFESPANS,
    Clock,
    answer,
    asked,
    closes_in_time,
    free_port,
    get,
    is_closed,
    refuses,
    request,
    started,
    wait_until_refused,
)
from tests.support.e2e.server import PATIENCE, URL, Program, Server


@pytest.fixture
def quick(loop: str) -> Iterator[Server]:
    """A server that gives running requests one second."""
    with started(APP, loop, "--timeout-graceful-shutdown", "1") as running:
        yield running


# L-2: the end, in order.


def test_l2_k1_running_request_is_completed(server: Server) -> None:
    """New connections are refused, the running request gets its response, which announces the close."""
    with asked(server, "/sleep?s=1", "sleeping") as (connection, clock):
        server.process.send_signal(signal.SIGTERM)
        wait_until_refused(server.port)
        response = answer(connection)
        assert (response.status, response.body, response.header("connection")) == (200, b"hello", "close")
        assert is_closed(connection)
    assert server.wait() == 0
    assert clock.seconds < 5
    assert server.output.index("responded") < server.output.index("shutdown")


def test_l2_k2_idle_connections_are_closed_promptly(server: Server) -> None:
    with server.connect() as used, server.connect() as unused:
        assert get(used).status == 200
        server.process.send_signal(signal.SIGTERM)
        clock = Clock()
        assert is_closed(used)
        assert clock.seconds < 5
        assert is_closed(unused)
        assert clock.seconds < 5
    assert server.wait() == 0


def test_l2_k3_request_in_the_buffer_of_an_idle_connection_is_served(server: Server) -> None:
    """Requests that have reached the kernel when the signal comes get their responses."""
    with server.connect() as idle, server.connect() as busy:
        assert get(idle).status == 200
        busy.sendall(request("/block?s=0.5"))
        server.wait_for("blocking")
        server.process.send_signal(signal.SIGTERM)
        idle.sendall(request("/"))
        response = answer(idle)
        assert (response.status, response.header("connection")) == (200, "close")
        assert answer(busy).status == 200
    assert server.wait() == 0


WITH_A_LONG_LAST_CALL = (
    "from esg_core.lifecycle import drain; from esg.__main__ import main; drain.LAST_CALL = 1.0; main()"
)


def test_l2_request_that_is_on_its_way_is_served(loop: str) -> None:
    """The client could not know: it has just connected, or has just read its last response."""
    command = (sys.executable, "-c", WITH_A_LONG_LAST_CALL, APP, "--port", "0", "--loop", loop)
    with Program(*command) as program:
        place = ("127.0.0.1", int(program.wait_for(URL)[3]))
        with socket.create_connection(place, PATIENCE) as new, socket.create_connection(place, PATIENCE) as idle:
            assert get(idle).status == 200
            program.process.send_signal(signal.SIGTERM)
            wait_until_refused(place[1])
            for connection in (new, idle):
                response = get(connection)
                assert (response.status, response.header("connection")) == (200, "close")
                assert is_closed(connection)
        assert program.wait() == 0


def test_l2_connections_in_the_queue_of_the_kernel_are_served(server: Server) -> None:
    """A client that got through to the listener before it was closed gets a response."""
    with server.connect() as busy:
        busy.sendall(request("/block?s=0.5"))
        server.wait_for("blocking")
        queued = [server.connect() for _ in range(20)]
        for connection in queued:
            connection.sendall(request("/"))
        server.process.send_signal(signal.SIGTERM)
        assert [answer(connection).status for connection in queued] == [200] * 20
        for connection in queued:
            connection.close()
    assert server.wait() == 0


def test_l2_k6_streaming_response_is_completed(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request("/stream?parts=10"))
        server.wait_for("part 2")
        server.process.send_signal(signal.SIGTERM)
        assert answer(connection).body == b"0,1,2,3,4,5,6,7,8,9,end"
    assert server.wait() == 0


def test_l2_k7_busy_keep_alive_connection_is_closed_after_its_next_response(loop: str) -> None:
    with started(APP, loop, "--shutdown-delay", "0.5") as server, server.connect() as connection:
        assert get(connection).header("connection") is None
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("Shutting down")
        assert get(connection).header("connection") == "close"
        assert is_closed(connection)
        assert server.wait() == 0


def test_l2_close_is_announced_before_it_happens(loop: str) -> None:
    """A client whose response began before the signal is told with the next response."""
    with started(APP, loop, "--shutdown-delay", "1.5") as server, server.connect() as connection:
        connection.sendall(request("/stream?parts=5"))
        server.wait_for("part 1")
        server.process.send_signal(signal.SIGTERM)
        assert answer(connection).header("connection") is None
        assert get(connection).header("connection") == "close"
        assert is_closed(connection)
        assert server.wait() == 0


def test_l2_k10_shutdown_delay(loop: str) -> None:
    """Readiness fails at once; the server goes on serving, new connections too, until the delay is over."""
    with started(APP, loop, "--shutdown-delay", "1", "--health") as server:
        with server.connect() as probe:
            assert get(probe, "/__esg_ready__").status == 200
        clock = Clock()
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("Shutting down")
        with server.connect() as probe, server.connect() as client, server.connect() as liveness:
            assert get(probe, "/__esg_ready__").status == 503
            assert get(liveness, "/__esg_health__").status == 200
            response = get(client)
        assert (response.status, response.header("connection")) == (200, "close")
        wait_until_refused(server.port)
        assert 0.95 < clock.seconds < 5
        assert server.wait() == 0


def test_l2_k11_background_work_ends_before_the_shutdown(server: Server) -> None:
    with server.connect() as connection:
        assert get(connection, "/background").status == 200
        server.wait_for("in the background")
        assert server.stop() == 0
    assert server.output.index("background done") < server.output.index("shutdown")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_l2_idle_server_stops_at_once(server: Server, number: signal.Signals) -> None:
    """C-2: a clean stop has exit code 0, whichever signal asked for it."""
    clock = Clock()
    assert server.stop(number) == 0
    assert clock.seconds < 5
    assert "shutdown" in server.lines


# L-2: the end, by force.


def test_l2_k4_cancelled_after_the_graceful_timeout(quick: Server) -> None:
    """The task is cancelled, the connection closed, the application shut down, and the exit code is 1."""
    with asked(quick, "/sleep?s=60", "sleeping") as (connection, clock):
        assert quick.stop() == 1
        assert 0.95 < clock.seconds < 5
        assert is_closed(connection) or answer(connection).status == 500
    assert quick.output.index("cancelled") < quick.output.index("shutdown")


def test_l2_k4_application_that_swallows_the_cancellation(quick: Server) -> None:
    with asked(quick, "/stubborn", "stubborn") as (_, clock):
        assert quick.stop() == 1
        assert clock.seconds < 5
    assert "ignored" in quick.lines
    assert "shutdown" in quick.lines


def test_l2_k4_application_that_blocks_the_loop(quick: Server) -> None:
    """The log says where it blocks."""
    with asked(quick, "/block?s=60", "blocking") as (_, clock):
        assert quick.stop() == 1
        assert clock.seconds < 5
    assert "stopped by force" in quick.output
    assert "time.sleep(float(asked" in quick.output


@pytest.mark.parametrize("path", ["/thread?s=60", "/lonely-thread"])
def test_l2_threads_do_not_hold_a_forced_end(quick: Server, path: str) -> None:
    with asked(quick, path, "thread") as (_, clock):
        assert quick.stop() == 1
        assert clock.seconds < 10


def test_l2_endless_shutdown_is_bounded(loop: str) -> None:
    with started(f"{LIFESPANS}:endless_shutdown", loop, "--timeout-graceful-shutdown", "1") as server:
        clock = Clock()
        assert server.stop() == 1
        assert clock.seconds < 8
        assert "shutting down" in server.lines
        assert "the application's shutdown took longer than 5 s" in server.output


def test_l2_failed_shutdown_is_logged(loop: str) -> None:
    """Everything was served: the exit code is that of a clean stop."""
    with started(f"{LIFESPANS}:failed_shutdown", loop) as server:
        assert server.stop() == 0
        assert "the application's shutdown failed: the queue is not empty" in server.output


def test_l2_task_that_outlives_the_server_does_not_hold_the_process(loop: str) -> None:
    with started(f"{LIFESPANS}:late_task", loop, "--timeout-graceful-shutdown", "0.5") as server:
        clock = Clock()
        assert server.stop() == 1
        assert clock.seconds < 8


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("path", ["/sleep?s=60", "/stubborn", "/block?s=60"])
def test_l2_k5_second_signal_exits_at_once(server: Server, path: str, second: signal.Signals) -> None:
    with server.connect() as connection:
        connection.sendall(request(path))
        server.wait_for("sleeping|stubborn|blocking")
        server.process.send_signal(signal.SIGTERM)
        if path != "/block?s=60":
            server.wait_for("Waiting for 1 connections")
        else:
            closes_in_time(connection, 0.2)
        clock = Clock()
        assert server.stop(second) == 1
        assert clock.seconds < 5
    assert "shutdown" not in server.lines


# L-1: the start.


def test_l1_nobody_is_let_in_before_the_startup_is_complete(loop: str, tmp_path: Path) -> None:
    gate, port = tmp_path / "gate", free_port()
    environment = {**os.environ, "GATE": str(gate)}
    with Server(f"{LIFESPANS}:slow_startup", "--loop", loop, "--port", str(port), env=environment) as server:
        server.wait_for("starting")
        assert refuses(port)
        gate.touch()
        assert server.url
        with server.connect() as connection:
            assert get(connection).status == 200
        assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_l1_signal_stops_the_startup(loop: str, tmp_path: Path, number: signal.Signals) -> None:
    """C-2: nothing has failed, so the exit code is 0."""
    environment = {**os.environ, "GATE": str(tmp_path / "gate")}
    with Server(f"{LIFESPANS}:slow_startup", "--loop", loop, env=environment) as server:
        server.wait_for("starting")
        assert server.stop(number) == 0
        assert "startup cancelled" in server.lines
        assert "Traceback" not in server.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_l1_signal_stops_the_import(loop: str, number: signal.Signals) -> None:
    with Server("tests.behaviour.apps.slow_import:app", "--loop", loop) as server:
        server.wait_for("importing")
        assert server.stop(number) == 0
        assert "Traceback" not in server.output


def test_l1_second_signal_stops_a_blocked_startup(loop: str) -> None:
    with Server(f"{LIFESPANS}:blocked_startup", "--loop", loop) as server:
        server.wait_for("starting")
        server.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.3)
        assert server.stop(signal.SIGINT) == 1


def test_l1_import_error_shows_the_own_traceback_only(loop: str) -> None:
    with Server("tests.behaviour.apps.broken_import:app", "--loop", loop) as server:
        assert server.wait() == 3
        *_, raised, error = server.lines
        assert raised == "ZeroDivisionError: no database"
        assert error.startswith("Error: cannot import the application 'tests.behaviour.apps.broken_import:app'")
        files = re.findall(r'File "([^"]+)"', server.output)
        assert [Path(file).name for file in files] == ["broken_import.py", "broken_import.py"]


def test_l1_failed_startup(loop: str) -> None:
    """An application that says so has failed, even with `auto`."""
    with Server(f"{LIFESPANS}:failed_startup", "--loop", loop) as server:
        assert server.wait() == 3
        assert server.lines[1:] == ["Error: the application's startup failed: no database"]


def test_l1_broken_startup_with_lifespan_on(loop: str) -> None:
    with Server(f"{LIFESPANS}:broken_startup", "--loop", loop, "--lifespan", "on") as server:
        assert server.wait() == 3
        *_, raised, error = server.lines
        assert raised == "ZeroDivisionError: no database"
        assert error == (
            "Error: the application raised ZeroDivisionError in its startup; --lifespan off serves it without"
        )
        assert "esg_core" not in server.output


@pytest.mark.parametrize("app", ["no_lifespan", "broken_startup"])
def test_l1_auto_tolerates(loop: str, app: str) -> None:
    with started(f"{LIFESPANS}:{app}", loop) as server, server.connect() as connection:
        assert get(connection).status == 200
        assert ("WARNING" in server.output) == (app == "broken_startup")
        assert server.stop() == 0


def test_l1_port_in_use(loop: str) -> None:
    """One line, before the application is even imported."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Server("tests.behaviour.apps.slow_import:app", "--loop", loop, "--port", str(port)) as server:
            assert server.wait() == 3
            (line,) = server.lines
            assert line.startswith(f"Error: cannot listen on 127.0.0.1:{port}: it is in use")


def test_l1_factory(loop: str) -> None:
    """It is detected, with a hint to declare it; no hint when it is declared."""
    for options in ([], ["--factory"]):
        with started("tests.behaviour.apps.lifecycle:create", loop, *options) as server, server.connect() as connection:
            assert get(connection).body == b"made"
            assert ("say so with --factory" in server.output) == (not options)
            assert server.stop() == 0


# L-3, L-4, L-5.


def test_l3_stream_ends_in_time_because_it_waits_for_the_drain(server: Server) -> None:
    with asked(server, "/events", "streaming") as (connection, clock):
        server.process.send_signal(signal.SIGTERM)
        assert answer(connection).body == b"event,bye"
        assert server.wait() == 0
        assert clock.seconds < 5


@pytest.mark.parametrize("options", [("--loop", "asyncio"), ("--loop", "uvloop", "--workers", "1")])
def test_l9_streams_end_in_time_because_the_lifespan_gets_notice(options: tuple[str, ...]) -> None:
    with Server("tests.behaviour.apps.lifecycle:noticed", *options) as server:
        assert server.url
        with asked(server, "/", "streaming") as (connection, clock):
            server.process.send_signal(signal.SIGTERM)
            assert answer(connection).body == b"event,bye"
            assert server.wait() == 0
            assert clock.seconds < 20
        said = [line for line in server.lines if line.startswith("lifespan.")]
        assert said == ["lifespan.shutdown.notice", "lifespan.shutdown"]


def test_l4_max_requests_is_a_clean_end(loop: str) -> None:
    with started(APP, loop, "--limit-max-requests", "3") as server:
        with server.connect() as connection:
            said = [get(connection).header("connection") for _ in range(3)]
        assert said[:2] == [None, None]
        assert server.wait() == 0
        assert "Limit of 3 requests reached" in server.output
        assert "shutdown" in server.lines


def test_l4_max_requests_lets_the_others_finish(loop: str) -> None:
    with started(APP, loop, "--limit-max-requests", "2") as server:
        with server.connect() as slow, server.connect() as last:
            slow.sendall(request("/sleep?s=0.5"))
            server.wait_for("sleeping")
            assert get(last).status == 200
            assert answer(slow).status == 200
        assert server.wait() == 0


def test_l4_unix_socket_and_pid_file_are_removed(loop: str, tmp_path: Path) -> None:
    path, pid_file = tmp_path / "esg.sock", tmp_path / "esg.pid"
    with Server(APP, "--loop", loop, "--uds", str(path), "--pid-file", str(pid_file)) as server:
        server.wait_for(f"running on unix:{path}")
        assert pid_file.read_text() == f"{server.pid}\n"
        assert path.stat().st_mode & 0o777 == 0o666
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            assert get(connection).status == 200
        assert server.stop() == 0
    assert (path.exists(), pid_file.exists()) == (False, False)


def test_l4_unix_socket_and_pid_file_are_removed_by_a_forced_end_too(loop: str, tmp_path: Path) -> None:
    path, pid_file = tmp_path / "esg.sock", tmp_path / "esg.pid"
    options = ("--uds", str(path), "--pid-file", str(pid_file), "--timeout-graceful-shutdown", "0.2")
    with Server(APP, "--loop", loop, *options) as server:
        server.wait_for("running on")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(request("/block?s=60"))
            server.wait_for("blocking")
            assert server.stop() == 1
    assert (path.exists(), pid_file.exists()) == (False, False)


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6])
def test_l4_inherited_socket_is_not_touched(loop: str, tmp_path: Path, family: socket.AddressFamily) -> None:
    """U-7: whatever its family; the supervisor's socket listens on."""
    path = tmp_path / "esg.sock"
    with socket.socket(family) as listener:
        listener.bind({socket.AF_INET: ("127.0.0.1", 0), socket.AF_INET6: ("::1", 0)}.get(family, str(path)))
        listener.listen()
        command = [sys.executable, "-m", "esg", APP, "--loop", loop, "--fd", str(listener.fileno())]
        with Program(*command, inherit=(listener.fileno(),)) as server:
            server.wait_for("running on")
            with socket.socket(family) as connection:
                connection.connect(listener.getsockname())
                assert get(connection).status == 200
            assert server.stop() == 0
        with socket.socket(family) as connection:
            connection.connect(listener.getsockname())
    assert path.exists() == (family == socket.AF_UNIX)


@pytest.mark.skipif(sys.platform != "linux", reason="the number of wake-ups is read from /proc")
def test_l5_idle_server_does_nothing(loop: str) -> None:
    """No wake-up, neither before the first request nor some time after the last."""
    with started(APP, loop, "--timeout-keep-alive", "0.5") as server:
        wait_until_idle(server.pid)
        assert wake_ups(server.pid, 1) == 0
        with server.connect() as connection:
            assert get(connection).status == 200
        wait_until_idle(server.pid)
        assert wake_ups(server.pid, 1) == 0


def wait_until_idle(pid: int) -> None:
    clock = Clock()
    while wake_ups(pid, 0.5):
        assert clock.seconds < 5


def wake_ups(pid: int, seconds: float) -> int:
    """How often the threads of a process ran in that many seconds."""

    def count() -> int:
        found = 0
        for status in Path(f"/proc/{pid}/task").glob("*/status"):
            found += sum(int(number) for number in re.findall(r"ctxt_switches:\t(\d+)", status.read_text()))
        return found

    before = count()
    time.sleep(seconds)
    return count() - before
