"""W-1 to W-4, seen from outside: a parent and its workers, with real signals and connections."""

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import Clock, answer, get, is_closed, refuses, request
from tests.support.behaviour.working import Workers, processes, working
from tests.support.e2e.server import PATIENCE, URL, Program
from tests.support.e2e.wire import ask
from tests.support.reload.processes import is_running, wait_until


@pytest.fixture(scope="module")
def pair() -> Iterator[Workers]:
    """Two workers, for all tests that leave them as they were."""
    with working(2) as server:
        yield server


def answering(server: Workers, count: int) -> set[int]:
    """The processes that have answered, once there are that many."""
    found: set[int] = set()

    def all_have() -> bool:
        found.add(int(server.get()))
        return len(found) >= count

    wait_until(all_have)
    return found


# W-1: as many as configured.


@pytest.mark.everywhere
def test_w1_all_workers_serve_one_port_and_the_parent_nobody(pair: Workers) -> None:
    """With port 0, too, all share one port."""
    assert answering(pair, 2) == set(pair.there)
    assert pair.get("/parent") == str(pair.pid)


def test_w1_the_start_tells_the_address_once(pair: Workers) -> None:
    """C-1: and which process says what."""
    pair.wait_for("ESG running on")
    wait_until(lambda: len(re.findall(r"INFO:     \[(\d+)\] Started server process \[\1\] with ", pair.output)) >= 2)
    assert len(URL.findall(pair.output)) == 1
    assert pair.output.count("Started parent process") == 1


def test_w1_a_worker_that_is_killed_is_replaced_and_nobody_is_refused(pair: Workers) -> None:
    victim, other = pair.there
    clock = Clock()
    os.kill(victim, signal.SIGKILL)
    assert int(pair.get()) == other
    pair.wait_for(rf"ERROR:    Worker \[{victim}\] was ended by SIGKILL; starting another now")
    assert pair.settle(2)[0] == other
    assert clock.seconds < 5


def test_w1_only_the_requests_of_a_killed_worker_fail(pair: Workers) -> None:
    pair.settle(2)
    connections = [pair.connect() for _ in range(20)]
    try:
        of = {connection: int(get(connection, "/pid").body) for connection in connections}
        victim = of[connections[0]]  # the kernel chooses the worker that accepts: it may be one for all
        for connection in connections:
            connection.sendall(request("/sleep?s=0.3"))
        os.kill(victim, signal.SIGKILL)
        for connection in connections:
            if of[connection] == victim:
                assert is_closed(connection)
            else:
                assert answer(connection).status == 200
    finally:
        for connection in connections:
            connection.close()
    pair.settle(2)


def test_w1_a_worker_that_ends_by_itself_is_replaced(pair: Workers) -> None:
    with pair.connect() as connection:
        connection.sendall(request("/die?code=7"))
        assert is_closed(connection)
    pair.wait_for(r"Worker \[\d+\] ended with exit code 7; starting another")
    pair.settle(2)


def test_l5_an_idle_parent_does_nothing(pair: Workers) -> None:
    """It sleeps until something happens; its workers send a heartbeat every six seconds."""
    pair.settle(2)
    switches = Path("/proc", str(pair.pid), "status")
    if not switches.exists():
        pytest.skip("no /proc here")

    def turns() -> int:
        return int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", switches.read_text(), re.MULTILINE)[0])

    before = turns()
    time.sleep(1)
    assert turns() - before <= 3


# W-3: signals.


def test_w3_hup_replaces_all_workers_without_a_loss(pair: Workers) -> None:
    """Each new one is ready before an old one drains, and a running request ends normally."""
    before = pair.there
    with pair.connect() as connection:
        connection.sendall(request("/sleep?s=1"))
        pair.send(signal.SIGHUP)
        while set(pair.there) & set(before):
            assert pair.get("/") == "hello"
        assert answer(connection).body == b"hello"
    pair.settle(2)
    lines = pair.output[pair.output.index("Restarting 2 workers, one by one") :]
    steps = re.findall(r"Application startup complete|Retiring|Finished server", lines)
    assert steps == ["Application startup complete", "Retiring", "Finished server"] * 2


def test_w3_ttin_and_ttou_are_one_more_and_one_less(pair: Workers) -> None:
    before = pair.there
    pair.send(signal.SIGTTIN)
    assert len(pair.settle(3)) == 3
    pair.send(signal.SIGTTOU)
    assert pair.settle(2) == before
    assert "Workers: 3" in pair.output


def test_w4_a_worker_that_is_told_to_end_is_replaced_before(pair: Workers) -> None:
    """As from a supervisor that signals all processes of a service, or to replace just this one."""
    victim, other = pair.there
    os.kill(victim, signal.SIGTERM)
    pair.wait_for(rf"Retiring worker \[{victim}\]: it was asked to end")
    assert pair.settle(2)[0] == other


def test_w2_a_worker_shows_where_it_is_when_it_is_asked(pair: Workers) -> None:
    """SIGQUIT; it goes on."""
    before = pair.there
    os.kill(before[0], signal.SIGQUIT)
    pair.wait_for(rf"ERROR:    Worker \[{before[0]}\] is here:\n(.*\n)*.*run_alone")
    assert (pair.get("/"), pair.there) == ("hello", before)


# The end.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_l2_a_signal_to_the_parent_drains_all(number: signal.Signals) -> None:
    """New connections are refused at once, running requests end, and the exit code is 0."""
    with working(2) as server, server.connect() as connection:
        connection.sendall(request("/sleep?s=1"))
        server.wait_for("sleeping")
        server.send(number)
        wait_until(lambda: refuses(server.port))
        response = answer(connection)
        assert (response.status, response.header("connection")) == (200, "close")
        assert server.wait() == 0
        assert server.lines[-1].endswith(f"Finished parent process [{server.pid}]")
        assert server.output.count("Application shutdown complete") == 2


def test_l2_a_signal_to_the_whole_group_is_one_to_the_parent() -> None:
    """CTRL+C in a terminal, and systemd's KillMode=control-group."""
    command = (sys.executable, "-m", "esg", "tests.behaviour.apps.workers:app", "--port", "0", "--workers", "2")
    with Program(sys.executable, "-c", f"import os; os.setpgid(0, 0); os.execv({command[0]!r}, {command!r})") as server:
        wait_until(lambda: server.output.count("startup complete") == 2)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.killpg(server.pid, number)
        assert server.wait() == 0
        assert "Second signal" not in server.output
        assert "KeyboardInterrupt" not in server.output


def test_l2_who_waits_to_be_accepted_is_served() -> None:
    """By the last worker that listens, since no other will."""
    with working(1) as server, server.connect() as busy:
        busy.sendall(request("/block?s=1"))
        server.wait_for("blocking")
        waiting = [server.connect() for _ in range(10)]
        for connection in waiting:
            connection.sendall(request("/"))
        server.send(signal.SIGTERM)
        assert [answer(connection).status for connection in waiting] == [200] * 10
        for connection in waiting:
            connection.close()
        assert server.wait() == 0


def test_l2_a_stuck_worker_is_killed_in_time() -> None:
    """Exit code 1, some 4 s beyond the time-out."""
    with working(2, "--timeout-graceful-shutdown", "0.5") as server, server.connect() as connection:
        os.kill(int(get(connection, "/pid").body), signal.SIGSTOP)
        clock = Clock()
        assert server.stop() == 1
        assert 4.4 < clock.seconds < 9
        assert "which has not ended" in server.output


def test_l2_a_second_signal_ends_all_at_once() -> None:
    with working(2) as server, server.connect() as connection:
        connection.sendall(request("/sleep?s=60"))
        server.wait_for("sleeping")
        server.send(signal.SIGTERM)
        time.sleep(0.5)
        clock = Clock()
        assert server.stop() == 1
        assert clock.seconds < 5


def test_w3_quit_ends_all_at_once() -> None:
    with working(2) as server, server.connect() as connection:
        connection.sendall(request("/sleep?s=60"))
        server.wait_for("sleeping")
        clock = Clock()
        assert server.stop(signal.SIGQUIT) == 1
        assert clock.seconds < 5


def test_w4_workers_do_not_outlive_a_parent_that_is_killed() -> None:
    """They drain and end."""
    with working(2) as server, server.connect() as connection:
        connection.sendall(request("/sleep?s=1"))
        server.wait_for("sleeping")
        server.process.kill()
        assert answer(connection).status == 200
        server.wait()  # wait for the end of the output, which the workers write to while they run
        assert server.output.count("Application shutdown complete") == 2
        wait_until(lambda: not any(is_running(pid) for pid in processes(server)))
        assert refuses(server.port)


# Failures.


@pytest.mark.parametrize(
    ("app", "options", "code", "text"),
    [
        ("tests.behaviour.apps.nothing:app", (), 3, "cannot import the application"),
        ("tests.behaviour.apps.lifespans:failed_startup", (), 3, "the application's startup failed: no database"),
        ("tests.behaviour.apps.workers:app", ("--http", "h12"), 2, "h12"),
        ("tests.behaviour.apps.workers:app", ("--fd", "77"), 3, "cannot listen on fd://77"),
    ],
)
def test_w1_a_failure_to_start_ends_everything_with_one_error(
    app: str, options: tuple[str, ...], code: int, text: str
) -> None:
    with Workers(3, *options, app=app) as server:
        assert server.wait() == code
        errors = [line for line in server.lines if line.startswith(("ERROR", "Error"))]
        assert len(errors) == 1
        assert text in errors[0]
        assert [pid for pid in processes(server) if is_running(pid)] == []


def test_w1_an_application_that_keeps_crashing_is_given_up() -> None:
    """After 5 ends per worker within a minute."""
    with working(1) as server:
        while server.process.poll() is None:
            try:
                with server.connect(1) as connection:
                    connection.sendall(request("/die?code=9"))
                    is_closed(connection)
            except OSError:
                pass
        assert server.wait() == 1
        assert "giving up: 5 workers ended unexpectedly within 60 s" in server.output
        assert re.findall(r"starting another (.*)", server.output) == ["now", "in 0.1 s", "in 0.2 s", "in 0.4 s"]


@pytest.mark.parametrize(
    ("where", "seen"),
    [
        ("blocks", r"line \d+, in here_the_application_blocks"),
        ("computes", r"line \d+, in here_the_application_computes"),
        ("keeps", r"line \d+ in here_c_code_keeps_the_lock"),
    ],
)
def test_w2_a_blocked_event_loop_is_shown_killed_and_replaced(where: str, seen: str) -> None:
    """Even where no thread of the worker gets to run."""
    with working(2, "--timeout-worker-healthcheck", "1") as server, server.connect() as connection:
        victim = int(get(connection, "/pid").body)
        connection.sendall(request(f"/hold?where={where}"))
        server.wait_for("blocking")
        clock = Clock()
        server.wait_for(rf"ERROR:    Ending worker \[{victim}\]: its event loop is blocked")
        assert 0.9 < clock.seconds < 5
        server.wait_for(seen)
        assert is_closed(connection)
        assert clock.seconds < 5
        server.wait_for(rf"Worker \[{victim}\] was ended by SIGKILL")
        assert victim not in server.settle(2)


# W-4: recycling.


def test_w4_workers_are_replaced_after_so_many_requests() -> None:
    """L-4: no request fails, nothing counts as a crash."""
    with working(1, "--limit-max-requests", "20", "--limit-max-requests-jitter", "5") as server:
        answering(server, 3)
        server.wait_for("Retiring worker .*: it has reached its request limit")
        server.settle(1)
        assert "ERROR" not in server.output


def test_w4_workers_are_replaced_at_their_age() -> None:
    with working(1, "--limit-worker-lifetime", "1") as server:
        first = server.there
        assert first[0] != server.next(first)[0]
        server.wait_for(rf"Retiring worker \[{first[0]}\]: it has reached its maximum lifetime")


@pytest.mark.slow
def test_w4_workers_are_replaced_when_they_have_grown() -> None:
    with working(1, "--limit-worker-memory", "200") as server:
        first = server.there
        server.get("/grow?mib=300")
        server.next(first)
        server.wait_for(rf"Retiring worker \[{first[0]}\]: it uses \d+ MiB of memory")


# Where it listens, and in which combinations.


@pytest.mark.slow
@pytest.mark.parametrize(("loop", "http"), [("asyncio", "h11"), ("uvloop", "httptools")])
def test_w3_it_is_the_same_with_every_loop_and_parser_on_a_unix_socket(loop: str, http: str, tmp_path: Path) -> None:
    """L-4: the parent removes the file at the end."""
    path = tmp_path / "esg.sock"
    options = ("--loop", loop, "--http", http, "--uds", str(path))
    with working(2, *options) as server:
        before = server.there
        server.send(signal.SIGHUP)
        while set(server.there) & set(before):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(PATIENCE)
                connection.connect(str(path))
                assert ask(connection, request("/")).status == 200
        server.settle(2)
        assert path.exists()
        assert server.stop() == 0
        assert not path.exists()


def test_w1_an_inherited_socket_and_several_listeners() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        command = (sys.executable, "-m", "esg", "tests.behaviour.apps.workers:app", "--workers", "2")
        binds = ("--bind", f"fd://{number}", "--bind", "127.0.0.1:0")
        with Program(*command, *binds, inherit=(number,)) as server:
            wait_until(lambda: server.output.count("startup complete") == 2)
            ports = [int(found[2]) for found in URL.findall(server.wait_for("ESG running on .*")[0])]
            assert len(ports) == 2
            for port in ports:
                with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
                    assert get(connection).status == 200
            assert server.stop() == 0
