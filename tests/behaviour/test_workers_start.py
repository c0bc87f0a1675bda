"""W-1: how workers are started: fresh, forked, with their own sockets, from a program."""

import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

import esg
from esg_core.errors import UsageError
from esg_core.options.config import Config
from tests.support.behaviour.lifecycle import get
from tests.support.behaviour.working import Workers, connect_to, working
from tests.support.e2e.server import ROOT, URL, Program, Server
from tests.support.reload.processes import is_running, wait_until

pytestmark = pytest.mark.everywhere

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

PROGRAM = """\
import esg
MARK = "main"
print("program", flush=True)
esg.run({app}, port=0, access_log=False, lifespan="on", {options})
print("end of program", flush=True)
"""

OBJECT = "__import__('tests.behaviour.apps.workers').behaviour.apps.workers.app"


def program(here: Path, app: str, options: str, **variables: str) -> Program:
    (here / "program.py").write_text(PROGRAM.format(app=app, options=options))
    return Program(sys.executable, "program.py", "--colour", "blue", cwd=here, env={**ENVIRONMENT, **variables})


def test_w1_a_program_needs_no_guard_and_is_not_run_by_workers(tmp_path: Path) -> None:
    """They see its arguments and its path, but not its main module. $WEB_CONCURRENCY sets their number."""
    with program(tmp_path, "'tests.behaviour.apps.workers:app'", "", WEB_CONCURRENCY="2") as server:
        wait_until(lambda: server.output.count("startup complete") == 2)
        port = int(server.wait_for(URL)[3])
        with connect_to(port) as connection:
            seen = get(connection, "/arguments").body.decode()
        assert seen == "['--colour', 'blue'] None ['MainThread', 'esg-parent']"
        assert server.stop() == 0
        assert (server.lines.count("program"), server.lines.count("end of program")) == (1, 1)


def test_w1_an_object_stays_in_its_process(tmp_path: Path) -> None:
    with program(tmp_path, OBJECT, "workers=1") as server:
        server.wait_for(URL)
        assert "parent" not in server.output
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("workers=2", "workers needs app as 'MODULE:ATTRIBUTE': each worker imports it"),
        ("limit_worker_memory=500", "limit_worker_memory needs app as 'MODULE:ATTRIBUTE': each worker imports it"),
    ],
)
def test_w1_an_object_cannot_be_handed_to_other_processes(tmp_path: Path, options: str, text: str) -> None:
    """C-2."""
    with program(tmp_path, OBJECT, options) as server:
        assert server.wait() == 2
        assert server.lines[1:] == [f"Error: {text}"]


def test_w1_options_that_only_the_program_has_cannot_be_handed_over(tmp_path: Path) -> None:
    """C-1: one line; no worker can import a function of the main program."""
    (tmp_path / "program.py").write_text(
        "import esg, logging\ndef plain(**_): return logging.Formatter()\n"
        "table = {'version': 1, 'formatters': {'plain': {'()': plain}}}\n"
        "esg.run('tests.behaviour.apps.workers:app', port=0, workers=2, log_config=table)\n"
    )
    with Program(sys.executable, "program.py", cwd=tmp_path, env=ENVIRONMENT) as server:
        assert server.wait() == 2
        assert "Traceback" not in server.output
        errors = re.findall("workers: the options cannot be passed to a new process: .*'plain'", server.output)
        assert len(errors) == 1


def test_w1_preload_imports_once_and_forks(tmp_path: Path) -> None:
    """Even an object; a worker that has ended does not go on with its parent's program."""
    with program(tmp_path, OBJECT, "workers=2, preload=True") as server:
        wait_until(lambda: server.output.count("startup complete") == 2)
        port = int(server.wait_for(URL)[3])
        workers = [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", server.output)]
        os.kill(workers[0], signal.SIGKILL)
        wait_until(lambda: server.output.count("startup complete") == 3)
        with connect_to(port) as connection:
            assert "'blue'] main" in get(connection, "/arguments").body.decode()
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.output.count("startup complete") == 5)
        wait_until(lambda: server.output.count("Finished server process") == 2)
        assert server.stop() == 0
        assert (server.lines.count("program"), server.lines.count("end of program")) == (1, 1)
        assert server.output.count("Application shutdown complete") == 4


def test_w1_forked_workers_do_not_outlive_their_parent_and_hold_no_lock(tmp_path: Path) -> None:
    """No worker holds another one's line, or the PID file."""
    options = ("--preload", "--pid-file", str(tmp_path / "esg.pid"))
    with working(2, *options) as server:
        workers = server.there
        server.process.kill()
        server.wait()
        wait_until(lambda: not any(map(is_running, workers)))
    with working(1, *options):
        pass


@pytest.mark.slow
def test_w1_with_reuse_port_each_worker_has_its_own_queue() -> None:
    """Nothing is lost when workers are replaced, more or fewer."""
    with working(2, "--reuse-port", "--host", "127.0.0.1") as server:
        before = server.there
        answers = {int(server.get()) for _ in range(60)}
        assert answers == set(before)
        server.send(signal.SIGHUP)
        while set(server.there) & set(before):
            assert server.get("/") == "hello"
        server.send(signal.SIGTTIN)
        three = set(server.settle(3))
        assert {int(server.get()) for _ in range(100)} == three
        server.send(signal.SIGTTOU)
        server.settle(2)
        assert server.get("/") == "hello"


def test_w3_hup_reads_the_configuration_file_anew_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    file = tmp_path / "esg.toml"
    file.write_text('header = ["x-version:1"]\nworkers = 1\n')
    with Workers(1, "--config", str(file)) as server:
        server.settle(1)
        before = server.there
        file.write_text('header = "nonsense"\n')
        server.send(signal.SIGHUP)
        server.wait_for(r"ERROR:    Not restarted, nothing has changed: header = \"nonsense\" in .*esg.toml: must be")
        assert server.there == before
        file.write_text('header = ["x-version:2"]\n')
        server.send(signal.SIGHUP)
        server.next(before)
        with server.connect() as connection:
            assert get(connection).header("x-version") == "2"
        assert server.stop() == 0


def test_w3_hup_takes_another_number_of_workers_but_no_other_addresses(tmp_path: Path) -> None:
    file = tmp_path / "esg.toml"
    file.write_text("workers = 1\n")
    with Server("tests.behaviour.apps.workers:app", "--config", str(file)) as server:
        server.wait_for("ESG running on .*127.0.0.1")
        file.write_text('workers = 2\nhost = "127.0.0.2"\n')
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("WARNING:  New addresses need a restart of the whole server: the current ones stay in use")
        server.wait_for("INFO:     Restarting 2 workers, one by one")
        wait_until(lambda: server.output.count("Application startup complete") == 3)
        with server.connect() as connection:
            assert get(connection).status == 200
        assert server.stop() == 0


def test_w3_a_restart_whose_first_worker_fails_is_given_up(tmp_path: Path) -> None:
    """The previous configuration applies again, too."""
    broken, file = tmp_path / "broken", tmp_path / "esg.toml"
    file.write_text('header = ["x-version:1"]\n')
    with Workers(2, "--config", str(file), env={**os.environ, "BROKEN": str(broken)}) as server:
        before = server.settle(2)
        broken.touch()
        file.write_text('header = ["x-version:2"]\n')
        server.send(signal.SIGHUP)
        server.wait_for(r"ended with exit code 3 before it was ready; not restarted, the old workers keep serving")
        assert server.there == before
        broken.unlink()
        os.kill(before[0], signal.SIGKILL)
        os.kill(before[1], signal.SIGKILL)
        server.next(before)
        with server.connect() as connection:
            assert get(connection).header("x-version") == "1"
        assert server.stop() == 0


def test_w3_usr1_opens_log_files_anew(tmp_path: Path) -> None:
    """In the parent and in the workers."""
    log, config = tmp_path / "esg.log", tmp_path / "logging.toml"
    config.write_text(f"""
version = 1
[formatters.plain]
format = "%(process)d %(message)s"
[handlers.file]
class = "logging.FileHandler"
filename = "{log}"
formatter = "plain"
[loggers.esg]
handlers = ["file"]
level = "INFO"
""")
    command = (sys.executable, "-m", "esg", "tests.behaviour.apps.workers:app", "--port", "0", "--workers", "1")
    with Program(*command, "--log-config", str(config)) as server:
        wait_until(lambda: log.exists() and "ESG running" in log.read_text())
        port = int(URL.findall(log.read_text())[0][2])
        log.rename(tmp_path / "esg.log.1")
        server.process.send_signal(signal.SIGUSR1)
        wait_until(log.exists)

        def both_write_to_the_new_one() -> bool:
            with connect_to(port) as connection:
                get(connection)
            return '"GET / HTTP/1.1" 200' in log.read_text()

        wait_until(both_write_to_the_new_one)
        assert server.stop() == 0
        assert f"{server.pid} Finished parent process" in log.read_text()


# What is not possible.


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"reload": True, "workers": 2},
            "reload and workers cannot be combined: reloading works with one process only",
        ),
        (
            {"reload": True, "preload": True},
            "reload and preload cannot be combined: reloading works with one process only",
        ),
        (
            {"reuse_port": True, "uds": "x", "workers": 2},
            "reuse_port applies to host and port only: leave it out with uds or fd",
        ),
    ],
)
def test_c2_contradictions(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(text)):
        Config("main:app", **options)


def test_c2_a_shared_variable_does_not_stand_in_the_way_of_reloading(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from esg_core.options.merging import load
    from esg_core.options.sources import Keywords

    assert load(Keywords({"app": "main:app", "reload": True}), {"WEB_CONCURRENCY": "4"}).config.workers is None
    assert load(Keywords({"app": "main:app"}), {"WEB_CONCURRENCY": "4"}).config.workers == 4
    wrong: dict[str, Any] = {"workers": "many"}
    with pytest.raises(SystemExit):
        esg.run("main:app", **wrong)
    assert capsys.readouterr().err == "Error: workers='many': must be a whole number, 1 or more\n"
