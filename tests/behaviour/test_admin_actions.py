"""M-6: what operators have done through the admin address is what the signals do; and who takes it over (W-3)."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.behaviour.test_upgrade import upgraded
from tests.support.behaviour.administered import ADMIN, TOKEN, Admin, admin_of, administered
from tests.support.behaviour.lifecycle import answer, get, refuses, request
from tests.support.behaviour.working import LONG
from tests.support.e2e.server import PATIENCE
from tests.support.reload.processes import is_running, wait_until

SUCCESSFUL = "esg_config_last_reload_successful"
SUCCEEDED_AT = "esg_config_last_reload_success_timestamp_seconds"

MANY = [pytest.param("workers", id="fresh"), pytest.param("preload", id="forked")]


def pids(admin: Admin, count: int = 0) -> list[int]:
    """The workers, once all of them are ready, and there are as many, if that is given."""
    found: list[int] = []

    def are_ready() -> bool:
        workers = admin.stats()["workers"]
        found[:] = [one["pid"] for one in workers]
        return all(one["state"] == "ready" for one in workers) and len(workers) == (count or len(workers))

    wait_until(are_ready, 45)
    return found


def have_gone(admin: Admin, former: list[int]) -> bool:
    return not set(former) & {one["pid"] for one in admin.stats()["workers"]}


def descriptors(pid: int) -> int:
    """How many a process has open."""
    return len(list(Path("/proc", str(pid), "fd").iterdir()))


def count_of(admin: Admin) -> int:
    return int(admin.stats()["totals"]["requests_total"])


@pytest.mark.parametrize("kind", MANY)
def test_m6_a_restart_replaces_all_workers(kind: str, tmp_path: Path) -> None:
    """M-2: and no request that was counted is forgotten."""
    with administered(kind, tmp_path) as (server, admin):
        before = pids(admin)
        for _ in range(10):
            with server.connect() as connection:
                get(connection)
        wait_until(lambda: count_of(admin) == 10)
        assert admin.act("workers/restart").document == {"action": "workers/restart", "accepted": True}
        counts = []
        while f"Restarted {len(before)} workers" not in server.output:
            counts.append(count_of(admin))
        assert counts == [10] * len(counts)
        assert not set(pids(admin)) & set(before)
        series = admin.series()
        assert series["esg_worker_starts_total"] == 4
        assert series['esg_worker_ends_total{reason="asked"}'] == 2
        assert server.stop() == 0


def test_m6_one_more_and_one_less_but_never_none(tmp_path: Path) -> None:
    with administered("1", tmp_path) as (_, admin):
        refused = admin.act("workers/remove")
        assert (refused.status, refused.document["reason"]) == (409, "there is only one worker")
        assert admin.act("workers/add").status == 202
        wait_until(lambda: len(admin.stats()["workers"]) == 2)
        pids(admin)
        assert admin.act("workers/remove").status == 202
        wait_until(lambda: len(admin.stats()["workers"]) == 1)


def test_m6_one_process_has_no_workers_to_act_on(tmp_path: Path) -> None:
    with administered("single", tmp_path) as (_, admin):
        for action in ("workers/restart", "workers/add", "workers/remove"):
            refused = admin.act(action)
            assert refused.status == 409
            assert refused.document["reason"] == "this server is one process; start it with workers for that"


@pytest.mark.parametrize("kind", ["single", "workers", "preload"])
def test_m6_a_drain_is_a_stop(kind: str, tmp_path: Path) -> None:
    """L-2: a running request ends, readiness fails meanwhile, and health does not."""
    with administered(kind, tmp_path) as (server, admin), server.connect() as connection:
        connection.sendall(request("/sleep?s=2"))
        server.wait_for("sleeping")
        assert admin.act("drain").document == {"action": "drain", "accepted": True}
        wait_until(lambda: admin.ask("/ready").status == 503)
        assert admin.ask("/health").status == 200
        assert (admin.stats()["is_draining"], admin.series()["esg_ready"]) == (True, 0)
        again = admin.act("drain")
        assert (again.status, again.document["reason"]) == (409, "the server is stopping")
        assert answer(connection).header("connection") == "close"
        assert server.wait() == 0
        assert "Second signal" not in server.output


@pytest.mark.parametrize("kind", ["single", "workers"])
def test_m6_logs_are_reopened(kind: str, tmp_path: Path) -> None:
    config, log = tmp_path / "log.json", tmp_path / "esg.log"
    config.write_text(LOGGING % log)
    with administered(kind, tmp_path, "--log-config", str(config), app="tests.behaviour.apps.workers:app") as (
        _,
        admin,
    ):
        log.rename(tmp_path / "old.log")
        assert admin.act("logs/reopen").status == 202
        wait_until(log.exists)


LOGGING = """\
{"version": 1, "disable_existing_loggers": false,
 "handlers": {"file": {"class": "logging.FileHandler", "filename": "%s"},
              "console": {"class": "logging.StreamHandler"}},
 "loggers": {"esg": {"level": "INFO", "handlers": ["file", "console"]}}}
"""


def test_m6_a_wrong_configuration_is_the_reason(tmp_path: Path) -> None:
    """What the rehearsal finds: here, that the file of the token has become empty."""
    with administered("workers", tmp_path) as (server, admin):
        before = pids(admin)
        (tmp_path / "token").write_text("")
        refused = admin.act("workers/restart")
        assert refused.status == 409
        assert refused.document["reason"].endswith("the file is empty")
        server.wait_for("ERROR:    Not restarted, nothing has changed")
        assert pids(admin) == before
        assert admin.series()[SUCCESSFUL] == 0


def test_w9_a_trial_holds_up_nothing(tmp_path: Path) -> None:
    """M-4: the admin address answers, and a worker that dies is replaced, while a new configuration is tried."""
    variables = tmp_path / "variables"
    variables.write_text("COLOUR=blue\n")
    with (
        administered("workers", tmp_path, "--env-file", str(variables)) as (server, admin),
        ThreadPoolExecutor(1) as pool,
    ):
        before = pids(admin)
        variables.unlink()
        os.mkfifo(variables)
        restarted = pool.submit(admin.act, "workers/restart")
        with variables.open("w") as pipe:  # once the trial has opened it to read
            variables.unlink()
            variables.write_text("COLOUR=red\n")
            assert admin.ask("/ready").status == 200
            os.kill(before[0], signal.SIGKILL)
            wait_until(lambda: admin.series()["esg_worker_starts_total"] == 3)
            assert not restarted.done()
            pipe.write("COLOUR=red\n")
        assert restarted.result(LONG).status == 202
        server.wait_for("Restarted 2 workers")


def test_m6_metrics_say_if_the_last_reload_failed(tmp_path: Path) -> None:
    """Here, the new workers cannot start."""
    broken = tmp_path / "broken"
    with upgraded("--admin", "127.0.0.1:0", env={**os.environ, "BROKEN": str(broken)}) as server:
        admin = admin_of(server)
        first = admin.series()
        assert first[SUCCESSFUL] == 1
        broken.touch()
        os.kill(server.main, signal.SIGHUP)
        wait_until(lambda: admin.series()[SUCCESSFUL] == 0, LONG)
        assert admin.series()[SUCCEEDED_AT] == first[SUCCEEDED_AT]
        broken.unlink()
        os.kill(server.main, signal.SIGHUP)
        wait_until(lambda: admin.series()[SUCCESSFUL] == 1, LONG)
        assert admin.series()[SUCCEEDED_AT] > first[SUCCEEDED_AT]


def test_m7_actions_need_the_token_which_can_change(tmp_path: Path) -> None:
    with administered("workers", tmp_path) as (server, admin):
        before = pids(admin)
        assert admin.act("workers/restart", token=None).status == 401
        assert admin.act("workers/restart", token="wrong").status == 401
        assert admin.ask("/stats", host="rebound.example").status == 403
        assert admin.ask("/workers/restart", "POST", TOKEN, origin="http://evil.example").status == 403
        assert pids(admin) == before
        (tmp_path / "token").write_text("another")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("Restarted 2 workers")
        assert admin.act("workers/add").status == 401
        assert admin.act("workers/add", "another").status == 202


def test_m7_without_a_token_nothing_is_done_over_tcp() -> None:
    with upgraded("--admin", "127.0.0.1:0") as server:
        assert admin_of(server).act("drain", None).status == 403


# M-2: what ended workers had counted, and why they ended.


def test_m2_a_killed_worker_is_counted_and_not_forgotten(tmp_path: Path) -> None:
    with administered("workers", tmp_path) as (server, admin):
        for _ in range(20):
            with server.connect() as connection:
                get(connection)
        wait_until(lambda: count_of(admin) == 20)
        os.kill(pids(admin)[0], signal.SIGKILL)
        wait_until(lambda: admin.series()['esg_worker_ends_total{reason="crashed"}'] == 1)
        assert count_of(admin) == 20
        pids(admin)
        assert count_of(admin) == 20


def test_m2_why_workers_end(tmp_path: Path) -> None:
    options = ("--limit-max-requests", "5", "--timeout-worker-healthcheck", "1")
    with administered("1", tmp_path, *options) as (server, admin):
        for _ in range(5):
            with server.connect() as connection:
                get(connection)
        wait_until(lambda: admin.series()['esg_worker_ends_total{reason="requests"}'] == 1, 45)
        pids(admin)
        with server.connect() as connection:
            connection.sendall(request("/hold?where=blocks"))
            wait_until(lambda: admin.series()['esg_worker_ends_total{reason="blocked"}'] == 1, 45)


def test_m3_no_descriptor_of_a_worker_is_left(tmp_path: Path) -> None:
    """In the parent, and of the parent in a forked worker: its clients, its listeners, the figures of others."""
    with administered("preload", tmp_path) as (server, admin):
        first = pids(admin)
        before = [descriptors(pid) for pid in (server.pid, *first)]
        for _ in range(3):
            last = pids(admin, 2)
            for pid in last:
                os.kill(pid, signal.SIGKILL)
            wait_until(partial(have_gone, admin, last))
        wait_until(lambda: descriptors(server.pid) <= before[0])  # the last client of the test may still be there
        assert max(descriptors(pid) for pid in pids(admin, 2)) <= max(before[1:])


# W-3: a new program.


def is_answered_by(place: Admin, pid: int) -> bool:
    return bool(place.stats()["pid"] == pid)


def test_w3_a_new_program_takes_over_the_admin_address() -> None:
    """One of the two answers at any time, and no client is refused meanwhile."""
    with upgraded("--admin", "127.0.0.1:0") as server:
        admin = admin_of(server)
        first = server.main
        os.kill(first, signal.SIGUSR2)
        new = int(server.wait_for(r"Starting a new program \[(\d+)\]")[1])
        answered: list[int] = []
        while not answered or answered[-1] != new:
            answered.append(admin.stats()["pid"])
        assert set(answered) == {first, new}
        assert answered == sorted(answered, key=[first, new].index)
        server.main = new
        wait_until(lambda: not is_running(first))
        assert len(ADMIN.findall(server.output)) == 2
        assert ADMIN.findall(server.output)[0] == ADMIN.findall(server.output)[1]


def test_w3_the_file_of_the_admin_address_goes_over(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with upgraded("--admin", f"unix:{path}") as server:
        for _ in range(2):
            server.upgrade()
            wait_until(lambda: is_answered_by(Admin(path), server.main))
        os.kill(server.main, signal.SIGTERM)
        wait_until(lambda: not is_running(server.main))
        assert not path.exists()


def test_w3_if_the_new_program_fails_the_old_one_keeps_the_admin_address(tmp_path: Path) -> None:
    broken, path = tmp_path / "broken", tmp_path / "admin.sock"
    with upgraded("--admin", f"unix:{path}", env={**os.environ, "BROKEN": str(broken)}) as server:
        broken.touch()
        os.kill(server.main, signal.SIGUSR2)
        server.wait_for(r"ERROR:    The new program failed: exit code 3; this one keeps serving")
        assert is_answered_by(Admin(path), server.main)
        assert Admin(path).series()[SUCCESSFUL] == 0
        broken.unlink()
        assert Admin(path).act("drain", None).status == 202
        assert server.process.wait(PATIENCE) == 0
        assert refuses(server.port)
        assert not path.exists()
