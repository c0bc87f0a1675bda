"""W-8: a module that calls `run()` when it is imported causes one error, and no tree of processes."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import get
from tests.support.behaviour.working import connect_to, processes
from tests.support.e2e.server import ROOT, URL, Program
from tests.support.reload.following import Follower
from tests.support.reload.processes import is_running, wait_until

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}

APP = "from tests.behaviour.apps.workers import app\n"

UNGUARDED = APP + "import esg\nesg.run('program:app', port=0, lifespan='on', {options})\n"
GUARDED = UNGUARDED.replace("\nesg.run", "\nif __name__ == '__main__':\n    esg.run")

REFUSED = 'run() was called inside a server: put the call under `if __name__ == "__main__":`'
ERROR = f"Error: cannot import the application 'program:app': {REFUSED}"

ESG = (sys.executable, "-m", "esg", "program:app", "--port", "0")


def started(here: Path, text: str, *command: str, env: dict[str, str] | None = None) -> Program:
    (here / "program.py").write_text(text)
    return Program(*(command or (sys.executable, "program.py")), cwd=here, env={**ENVIRONMENT, **(env or {})})


def assert_that_it_is_refused(program: Program, error: str = ERROR, code: int = 2) -> None:
    """With one error, and no process is left."""
    assert program.wait() == code
    assert [line for line in program.lines if "rror" in line.lower() or "Traceback" in line] == [error]
    assert [pid for pid in processes(program) if is_running(pid)] == []


@pytest.mark.parametrize(
    "options",
    [
        "loop='uvloop'",
        "loop='asyncio'",
        "workers=3, loop='uvloop'",
        "workers=1, loop='asyncio'",
        "workers=2, preload=True",
    ],
)
def test_w8_a_program_without_a_guard_is_one_error(tmp_path: Path, options: str) -> None:
    with started(tmp_path, UNGUARDED.format(options=options)) as program:
        assert_that_it_is_refused(program)
        assert len(processes(program)) <= 4


@pytest.mark.parametrize(
    ("options", "inner"),
    [
        ((), "workers=2"),
        ((), "reload=True"),
        (("--workers", "2"), ""),
        (("--workers", "2"), "reload=True"),
        (("--preload",), "workers=2"),
        (("--check",), "workers=2"),
    ],
)
def test_w8_the_command_serves_no_program_without_a_guard(tmp_path: Path, options: tuple[str, ...], inner: str) -> None:
    """Not even once, for a different way of serving it."""
    with started(tmp_path, UNGUARDED.format(options=inner), *ESG, *options) as program:
        assert_that_it_is_refused(program)


@pytest.mark.parametrize("options", [(), ("--workers", "2"), ("--preload",), ("--check",)])
def test_w8_the_same_for_a_server_object(tmp_path: Path, options: tuple[str, ...]) -> None:
    text = f"{APP}import esg\nesg.Server(esg.Config(app, port=0)).run()\n"
    with started(tmp_path, text, *ESG, *options) as program:
        assert_that_it_is_refused(program)


@pytest.mark.parametrize("options", ["", "workers=2"])
def test_w8_a_factory_does_not_serve_either(tmp_path: Path, options: str) -> None:
    text = f"def make():\n    import esg\n    esg.run('program:make', port=0, {options})\n"
    with started(tmp_path, text, *ESG[:3], "program:make", "--factory", "--port", "0", "--workers", "1") as program:
        error = f"Error: the factory 'program:make' cannot be called: {REFUSED}"
        assert_that_it_is_refused(program, error)


def test_w8_options_that_import_the_program_are_no_way_round(tmp_path: Path) -> None:
    """A `log_config` table may name a function of a module; a worker imports it with its options."""
    (tmp_path / "other.py").write_text("import logging\ndef plain(**_): return logging.Formatter()\nimport program\n")
    table = "{'version': 1, 'formatters': {'plain': {'()': __import__('other').plain}}}"
    text = UNGUARDED.format(options=f"workers=2, log_config={table}").replace("import esg\n", "import esg, other\n")
    with started(tmp_path, text) as program:
        assert program.wait() == 2
        assert [line for line in program.lines if REFUSED in line or "Traceback" in line] == [f"Error: {REFUSED}"]


def test_w8_a_reloaded_program_waits_for_its_guard(tmp_path: Path) -> None:
    """W-6: a broken program reports it, and the reloader waits for the next change."""
    options = "reload=True, reload_delay=0.1"
    with started(tmp_path, UNGUARDED.format(options=options)) as program:
        follow = Follower(program).next
        assert follow("Error") == ERROR
        follow("Ended with exit code 2; waiting for a change")
        (tmp_path / "program.py").write_text(GUARDED.format(options=options))
        port = int(URL.findall(follow("ESG running on"))[0][2])
        with connect_to(port) as connection:
            assert get(connection).body == b"hello"
        assert program.stop() == 0
        assert program.output.count("Started reloader process") == 1
        assert [pid for pid in processes(program) if is_running(pid)] == []


def test_w8_a_module_that_runs_a_reloader_is_not_reloaded(tmp_path: Path) -> None:
    """U-5: the same in any program that is reloaded."""
    text = "from esg_reload import Reloader\ndef work(): ...\nReloader('program:work').run()\n"
    with started(tmp_path, text) as program:
        program.wait_for(
            'Error: a reloader was run inside another one: put the call under `if __name__ == "__main__":`'
        )
        program.wait_for("Ended with exit code 1; waiting for a change")
        assert program.stop() == 0
        assert program.output.count("waiting for a change") == 1


@pytest.mark.parametrize("worker", ["ESGWorker", "ESGH11Worker"])
def test_w8_gunicorn_is_told_too(tmp_path: Path, worker: str) -> None:
    """U-6: with gunicorn's exit code."""
    options = ("--no-control-socket", "-b", "127.0.0.1:0", "-k", f"esg.workers.{worker}", "program:app")
    text = UNGUARDED.format(options="workers=2")
    with started(tmp_path, text, sys.executable, "-m", "gunicorn", *options) as program:
        assert program.wait() == 3
        assert [line for line in program.lines if REFUSED in line] == [f"Error: {REFUSED}"]


# What is no nested server.


@pytest.mark.parametrize(
    ("options", "outside"),
    [
        ("workers=2", ()),
        ("workers=1, preload=True", ()),
        ("", ("-m", "esg_reload", "--")),
        ("workers=2", ("-m", "esg_reload", "--")),
        ("reload=True", ("-m", "esg_reload", "--")),
        ("workers=2", ("-m", "watchfiles")),
    ],
)
def test_w8_a_program_with_a_guard_is_served_also_by_a_reloader(
    tmp_path: Path, options: str, outside: tuple[str, ...]
) -> None:
    """`esg-reload -- python program.py` is a program that serves, not a server within a server."""
    command = [sys.executable, "program.py"]
    inner = [" ".join(command)] if "watchfiles" in outside else command
    whole = [sys.executable, *outside, *inner] if outside else command
    with started(tmp_path, GUARDED.format(options=options), *whole) as program:
        port = int(program.wait_for(URL)[3])
        with connect_to(port) as connection:
            assert get(connection).body == b"hello"
        program.stop(signal.SIGINT if "watchfiles" in outside else signal.SIGTERM)
        wait_until(lambda: not any(is_running(pid) for pid in processes(program)))
        assert "inside a server" not in program.output


SECOND = """
import atexit, os, subprocess, sys, threading
from tests.behaviour.apps.workers import app as serve
import esg

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        START()
    await serve(scope, receive, send)
"""

PROGRAM_OF_ITS_OWN = """
def START():
    program = subprocess.Popen([sys.executable, "second.py"])
    atexit.register(lambda: (program.terminate(), program.wait()))
"""

CHILD_OF_ITS_OWN = """
import signal
def START():
    pid = os.fork()
    if pid == 0:
        try:
            esg.run("tests.behaviour.apps.lifecycle:app", port=0, workers=1)
        finally:
            os._exit(0)
    atexit.register(lambda: (os.kill(pid, signal.SIGTERM), os.waitpid(pid, 0)))
"""

THREAD_OF_ITS_OWN = """
def START():
    options = {"port": 0, "log_level": "info"}
    threading.Thread(target=esg.run, args=("tests.behaviour.apps.lifecycle:app",), kwargs=options, daemon=True).start()
"""


@pytest.mark.parametrize("start", [PROGRAM_OF_ITS_OWN, CHILD_OF_ITS_OWN, THREAD_OF_ITS_OWN])
def test_w8_an_application_may_start_servers_that_are_not_esgs_processes(tmp_path: Path, start: str) -> None:
    second = "import esg\nesg.run('tests.behaviour.apps.lifecycle:app', port=0, workers=1)\n"
    (tmp_path / "second.py").write_text(second)
    with started(tmp_path, SECOND + start, *ESG, "--workers", "1", "--lifespan", "on") as program:

        def both_tell_where_they_are() -> bool:
            return len(set(URL.findall(program.output))) == 2

        wait_until(both_tell_where_they_are)
        for _, _, port in set(URL.findall(program.output)):
            with connect_to(int(port)) as connection:
                assert get(connection).body == b"hello"
        assert program.stop() == 0


def test_w8_a_thread_of_an_application_starts_no_processes(tmp_path: Path) -> None:
    """Because each of them would start others."""
    text = SECOND + THREAD_OF_ITS_OWN.replace('"port": 0', '"port": 0, "reload": True')
    with started(tmp_path, text, *ESG, "--workers", "1", "--lifespan", "on") as program:
        program.wait_for(re.escape(REFUSED))
        program.wait_for(URL)
        assert program.stop() == 0
        assert "reloader process" not in program.output
