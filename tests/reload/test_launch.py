"""What a `Reloader` can run, and how it is made ready to be started."""

import functools
import importlib
import operator
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from esg_reload.launch import prepare
from tests.support.e2e.server import ROOT, Program

WRITER = """\
import atexit, os, signal, sys

def write(path, text="called"):
    with open(path, "w") as file:
        file.write(f"{text} {sys.argv} {'_ESG_RELOAD_TASK' in os.environ}")

def leave():
    sys.exit(5)

def fail():
    raise ValueError("no luck")

def wait():
    atexit.register(print, "cleaned up", flush=True)
    print("ready", flush=True)
    signal.pause()
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a module, on the path of this process."""
    (tmp_path / "writer_of_test.py").write_text(WRITER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "writer_of_test", raising=False)
    return tmp_path


def run(work: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    launch = prepare(work)
    return subprocess.run(
        launch.command,
        env={**os.environ, **launch.variables},
        pass_fds=launch.descriptors,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        **options,
    )


def test_a_command_is_a_list_of_texts() -> None:
    launch = prepare(["python", "worker.py"], [3])
    assert (launch.command, launch.variables, launch.descriptors) == (("python", "worker.py"), {}, (3,))


@pytest.mark.parametrize("wrong", [[], [1], ["python", Path("worker.py")], ()])
def test_what_is_no_command_is_refused(wrong: Any) -> None:
    with pytest.raises(
        TypeError, match=r"is not a command: give a list of strings, such as \['python', 'worker.py'\]$"
    ):
        prepare(wrong)


@pytest.mark.parametrize("wrong", ["python worker.py", "worker", "worker:", ":work", "a b:c", "worker.py:work()", ""])
def test_text_is_module_and_function(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"is not 'module:function'; give a command as a list of strings$"):
        prepare(wrong)


def test_a_callable_runs_in_a_fresh_process_with_the_path_and_the_arguments_of_this_one(site: Path) -> None:
    write = importlib.import_module("writer_of_test").write
    answer = run(functools.partial(write, str(site / "out"), text="partial"))
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert (site / "out").read_text() == f"partial {sys.argv} False"


def test_module_and_function_are_imported_by_the_fresh_process_only(site: Path) -> None:
    assert run("writer_of_test:leave").returncode == 5
    assert "writer_of_test" not in sys.modules


def test_a_failure_has_its_traceback(site: Path) -> None:
    answer = run("writer_of_test:fail")
    assert answer.returncode == 1
    assert answer.stderr.endswith("ValueError: no luck\n")


def test_what_is_not_there_is_told_by_the_fresh_process(site: Path) -> None:
    """The reloader goes on: the next change may bring it."""
    for work, error in (("nowhere_of_test:f", "ModuleNotFoundError"), ("writer_of_test:f", "AttributeError")):
        answer = run(work)
        assert answer.returncode == 1
        assert error in answer.stderr.splitlines()[-1]


def test_flags_of_the_interpreter_are_those_of_this_one(site: Path) -> None:
    program = "from esg_reload.launch import prepare; print(prepare('writer_of_test:leave').command)"
    answer = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-O", "-c", program], capture_output=True, text=True, check=True
    )
    for flag in ("'-X', 'dev'", "'-Werror'", "'-O'"):
        assert flag in answer.stdout


def test_a_callable_of_the_program_itself_is_refused() -> None:
    """A fresh process does not run the program a second time, so it could not find it."""
    program = "from esg_reload.launch import prepare\ndef work(): pass\nprepare(work)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "is defined in the program itself: a new process needs it in a separate module" in answer.stderr


@pytest.mark.parametrize("wrong", [lambda: None, functools.partial(operator.add, lambda: None)])
def test_what_cannot_be_pickled_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="cannot be passed to a new process: "):
        prepare(wrong)


def test_sigterm_ends_a_fresh_process_as_sys_exit_would(site: Path) -> None:
    launch = prepare("writer_of_test:wait")
    with Program(*launch.command, env={**os.environ, **launch.variables}, inherit=launch.descriptors) as program:
        program.wait_for("ready")
        assert program.stop() == 143
        assert program.lines == ["ready", "cleaned up"]


STARTS_AND_TELLS = """\
import os, subprocess, sys, time
from esg_reload.launch import prepare
launch = prepare("writer_of_test:wait")
child = subprocess.Popen(launch.command, env={**os.environ, **launch.variables}, pass_fds=launch.descriptors)
print("child", child.pid, flush=True)
time.sleep(60)
"""


def test_a_fresh_process_does_not_outlive_the_one_that_started_it(site: Path) -> None:
    """Not even when that is killed: the output ends, because no process is left that could write to it."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    with Program(sys.executable, "-c", STARTS_AND_TELLS, cwd=ROOT, env=environment) as program:
        program.wait_for("ready")
        began = time.monotonic()
        program.process.kill()
        program.wait_for("cleaned up")
        program.wait()
        assert time.monotonic() - began < 10


def test_a_frozen_program_runs_commands_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its executable is no interpreter that could import a callable."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert prepare(["sleep", "1"]).command == ("sleep", "1")
    with pytest.raises(ValueError, match="a frozen program has no interpreter to run a callable: give a command"):
        prepare("module:function")
