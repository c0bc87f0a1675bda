"""M-3 to M-5: the admin address of real servers, of one process and of several, whatever their applications do."""

import re
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.behaviour.administered import KINDS, TOKEN, Admin, admin_of, administered
from tests.support.behaviour.lifecycle import answer, get, request
from tests.support.behaviour.working import APP
from tests.support.e2e.server import PATIENCE, ROOT, Program, Server
from tests.support.reload.processes import wait_until

Administered = tuple[Server, Admin]

QUICK = 0.3
"""Seconds in which a scrape is answered, whatever workers do."""


@pytest.fixture(scope="module", params=KINDS)
def administered_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Administered]:
    """A server of each kind, for all tests that leave it as it was."""
    with administered(request.param, tmp_path_factory.mktemp("admin")) as both:
        yield both


def count_of(admin: Admin) -> int:
    return int(admin.stats()["totals"]["requests_total"])


# M-4: who answers when.


def test_m4_health_and_readiness(administered_server: Administered) -> None:
    _, admin = administered_server
    assert (admin.ask("/health").status, admin.ask("/ready").status) == (200, 200)


def test_m4_the_figures_are_those_of_all_processes(administered_server: Administered) -> None:
    server, admin = administered_server
    before = count_of(admin)
    for _ in range(20):
        with server.connect() as connection:
            get(connection)
    wait_until(lambda: count_of(admin) == before + 20)


def test_m4_stats_tell_of_each_process(administered_server: Administered) -> None:
    server, admin = administered_server
    stats = admin.stats()
    assert (stats["pid"], stats["is_ready"], stats["is_draining"]) == (server.pid, True, False)
    assert [one["worker"] for one in stats["workers"]] == list(range(len(stats["workers"])))
    assert all(one["memory"] > 1 << 20 and one["state"] == "ready" for one in stats["workers"])
    assert TOKEN not in str(stats)
    assert stats["options"]["access_log"] is False
    assert {"python", "esg-core", "esg-http"} <= stats["versions"].keys()


def test_m4_metrics_say_what_runs(administered_server: Administered) -> None:
    _, admin = administered_server
    series = admin.series()
    assert series["esg_ready"] == 1
    if len(admin.stats()["workers"]) > 1:
        assert series['esg_workers{state="ready"}'] == 2
        assert series["esg_worker_starts_total"] == 2
        assert series['esg_worker_ends_total{reason="crashed"}'] == 0
        assert series['esg_worker_heartbeat_age_seconds{worker="1"}'] < 30


# M-5: questions.


def test_m5_stacks_are_those_of_each_process(administered_server: Administered) -> None:
    _, admin = administered_server
    document = admin.ask("/stacks").document
    assert document["silent"] == []
    assert [one["pid"] for one in document["processes"]] == [one["pid"] for one in admin.stats()["workers"]]
    for one in document["processes"]:
        threads = {thread["name"]: thread["stack"] for thread in one["threads"]}
        assert "run_alone" in threads["MainThread"]
        assert any("lifespan" in task["stack"] for task in one["tasks"])


def test_m5_requests_are_those_that_run(administered_server: Administered) -> None:
    server, admin = administered_server
    with server.connect() as connection:
        connection.sendall(b"GET /sleep?s=3&secret=1 HTTP/1.1\r\nhost: esg\r\nx-request-id: r-17\r\n\r\n")
        server.wait_for("sleeping")
        [running] = admin.ask("/requests").document["running"]
        assert (running["method"], running["path"], running["id"]) == ("GET", "/sleep", "r-17")
        assert (running["phase"], running["protocol"]) == ("running", "1.1")
        assert running["client"].startswith("127.0.0.1")
        assert 0 <= running["seconds"] < PATIENCE
        assert answer(connection).status == 200
    assert admin.ask("/requests").document["running"] == []


def has_blocked(server: Server, count: int) -> bool:
    return server.output.count("blocking") == count


def hold(server: Server, count: int, where: str) -> list[socket.socket]:
    """Block the event loops of that many more processes."""
    connections = []
    for _ in range(count):
        before = server.output.count("blocking")
        connection = server.connect()
        connection.sendall(request(f"/hold?where={where}"))
        wait_until(partial(has_blocked, server, before + 1))
        connections.append(connection)
    return connections


def test_m4_a_blocked_event_loop_delays_nothing(tmp_path: Path) -> None:
    """Of one process: the thread of the admin address answers, and says where the loop is."""
    with administered("single", tmp_path) as (server, admin):
        admin.series()
        connections = hold(server, 1, "blocks")
        fastest = {path: min(admin.ask(path).seconds for _ in range(5)) for path in ("/metrics", "/stats", "/health")}
        assert max(fastest.values()) < QUICK
        [process] = admin.ask("/stacks").document["processes"]
        assert "here_the_application_blocks" in str(process["threads"])
        assert [one["path"] for one in admin.ask("/requests").document["running"]] == ["/hold"]
        server.kill()
        for connection in connections:
            connection.close()


@pytest.mark.needs("lock of C code")
@pytest.mark.parametrize("options", [(), ("--preload",)])
def test_m4_a_scrape_never_waits_for_a_worker(options: tuple[str, ...], tmp_path: Path) -> None:
    """One worker sleeps, in another one C code keeps the lock: only the first can still say where it is."""
    with administered("3", tmp_path, *options) as (server, admin):
        connections = hold(server, 1, "blocks") + hold(server, 1, "keeps")
        for path in ("/metrics", "/stats", "/ready"):
            assert min(admin.ask(path).seconds for _ in range(5)) < QUICK
        asked = admin.ask("/stacks")
        assert 0.4 < asked.seconds < 5
        assert "here_the_application_blocks" in str(asked.document["processes"])
        [silent] = asked.document["silent"]
        answered = {one["pid"] for one in asked.document["processes"]}
        assert answered | {silent["pid"]} == {one["pid"] for one in admin.stats()["workers"]}
        assert [one["path"] for one in admin.ask("/requests").document["running"]] == ["/hold"]
        for connection in connections:
            connection.close()


def test_m5_many_tasks_are_cut_to_an_answer_that_arrives(tmp_path: Path) -> None:
    """Each waits in the application; the answer is far longer than one piece."""
    with administered("1", tmp_path) as (server, admin):
        connections = [server.connect() for _ in range(300)]
        for connection in connections:
            connection.sendall(request("/sleep?s=3"))
        wait_until(lambda: server.output.count("sleeping") == 300)
        [process] = admin.ask("/stacks").document["processes"]
        assert len(process["tasks"]) == 200
        assert sum("in sleep" in task["stack"] for task in process["tasks"]) > 190
        assert len(admin.ask("/requests").document["running"]) == 300
        for connection in connections:
            connection.close()


# M-3: where it listens.


def test_m3_a_socket_file_needs_no_token(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with Server(APP, "--admin", f"unix:{path}", "--workers", "2") as server:
        server.wait_for(rf"Admin address on unix:{re.escape(str(path))}")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        admin = Admin(path)
        assert admin.act("workers/add", token=None).status == 202
        wait_until(lambda: [one["state"] for one in admin.stats()["workers"]] == ["ready"] * 3)
        assert server.stop() == 0
    assert not path.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_m3_an_inherited_socket(kind: str, tmp_path: Path) -> None:
    """It is not listened on for anything else, and stays the supervisor's."""
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        number = inherited.fileno()
        command = [sys.executable, "-m", "esg", APP, "--port", "0", "--admin", f"fd://{number}", *KINDS[kind]]
        process = subprocess.Popen(
            command, cwd=ROOT, pass_fds=[number], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            admin = Admin(f"127.0.0.1:{inherited.getsockname()[1]}")
            wait_until(lambda: admin.ask("/ready").status == 200)
            assert admin.stats()["options"]["admin"] == f"fd://{number}"
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0


def test_m3_a_reloaded_server_binds_it_again(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APPLICATION.format(1))
    with Server("app:app", "--reload", "--admin", "127.0.0.1:0", cwd=tmp_path) as server:
        admin = admin_of(server)
        first = admin.stats()["pid"]
        seen = len(server.lines)
        (tmp_path / "app.py").write_text(APPLICATION.format(2))
        admin = admin_of(server, after=seen)
        assert admin.stats()["pid"] != first
        assert server.stop() == 0


APPLICATION = """\
GENERATION = {}
async def app(scope, receive, send):
    assert scope["type"] == "http"
"""


EMBEDDED = """\
import asyncio, threading, esg
from tests.behaviour.apps.workers import app
async def main():
    server = esg.Server(esg.Config(app, port=0, admin="127.0.0.1:0", log_config=None))
    serving = asyncio.create_task(server.serve())
    await server.started
    print("threads:", *sorted(thread.name for thread in threading.enumerate()))
    server.shutdown()
    await serving
    print("threads:", *sorted(thread.name for thread in threading.enumerate()))
asyncio.run(main())
"""


def test_m3_the_thread_of_an_embedded_server_ends_with_it() -> None:
    with Program(sys.executable, "-c", EMBEDDED) as program:
        assert program.wait() == 0
        assert re.findall(r"^threads: (.*)", program.output, re.MULTILINE) == ["MainThread esg-admin", "MainThread"]


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_m3_without_the_option_there_is_nothing(workers: tuple[str, ...]) -> None:
    with Server(APP, *workers) as server:
        assert server.url
        assert "Admin" not in server.output
        assert server.stop() == 0


# Wrong options.


@pytest.mark.parametrize("workers", [(), ("--workers", "2"), ("--reload",)])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: no such file or directory"),
        ("\n", "the file is empty"),
        ("two words", "must hold one word of at most 4096 visible ASCII characters"),
    ],
)
def test_c1_a_wrong_token_file_is_one_line(
    workers: tuple[str, ...], content: str | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with Server(APP, "--admin", "127.0.0.1:0", "--admin-token-file", str(path), *workers) as server:
        assert server.wait() == 2
        assert server.lines == [f"Error: --admin-token-file {path}: {said}"]


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_c1_an_address_in_use_is_one_line(workers: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with Server(APP, "--admin", address, *workers) as server:
            assert server.wait() == 3
            assert server.lines[-1].startswith(f"Error: cannot listen on {address}: it is in use by another program")


def test_l5_an_idle_parent_with_an_admin_address_does_nothing(tmp_path: Path) -> None:
    switches = Path("/proc/self/status")
    if not switches.exists():
        pytest.skip("no /proc here")
    with administered("workers", tmp_path) as (server, admin):
        pids = [server.pid, *(one["pid"] for one in admin.stats()["workers"])]
        time.sleep(1.5)  # what has been published after the requests of the start
        before = {pid: turns(pid) for pid in pids}
        time.sleep(2)
        assert all(turns(pid) - before[pid] <= 6 for pid in pids)


def turns(pid: int) -> int:
    """How often the threads of a process have gone to sleep."""
    found = 0
    for thread in Path("/proc", str(pid), "task").iterdir():
        status = (thread / "status").read_text()
        found += int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)[0])
    return found
