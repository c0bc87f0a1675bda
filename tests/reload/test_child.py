"""One run of a command: its end, asked for or not, and the end of all that it has started."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from esg_reload.child import Child
from esg_reload.launch import Launch
from tests.support.reload.changes import PATIENCE
from tests.support.reload.processes import POLITE, STUBBORN, is_running, python, wait_until

GRACE = 10.0
"""Seconds that must not be needed."""


class Run:
    """A child whose output is read line by line, and the exit codes that were reported."""

    def __init__(self, command: list[str]) -> None:
        reading, writing = os.pipe()
        self.told: queue.SimpleQueue[int] = queue.SimpleQueue()
        try:
            self.child = Child(Launch((*WITH_OUTPUT, str(writing), *command), {}, (writing,)), self.told.put)
        finally:
            os.close(writing)
        self._output = os.fdopen(reading)

    def line(self) -> str:
        return self._output.readline().rstrip("\n")

    def pid(self) -> int:
        """The process that says that it is ready."""
        word, _, pid = self.line().partition(" ")
        assert word == "ready"
        return int(pid)

    def rest(self) -> list[str]:
        """The other lines, up to the end of the last process that could write any."""
        return self._output.read().splitlines()

    def close(self) -> None:
        self.child.stop(0)
        self._output.close()


WITH_OUTPUT = ("/bin/sh", "-c", 'output=/dev/fd/$1; shift; exec "$@" >$output', "sh")
"""Runs a command with standard output to a descriptor."""


@contextmanager
def running(command: list[str]) -> Iterator[Run]:
    run = Run(command)
    try:
        yield run
    finally:
        run.close()


def test_a_command_that_ends_when_asked_has_ended_well() -> None:
    with running(python(POLITE)) as run:
        pid = run.pid()
        assert run.child.stop(GRACE)
        assert not is_running(pid)
        assert run.rest() == ["asked"]
        assert run.told.empty(), "an end that was asked for is no news"


def test_a_command_that_does_not_end_is_killed_when_its_time_is_over() -> None:
    with running(python(STUBBORN)) as run:
        pid = run.pid()
        began = time.monotonic()
        assert not run.child.stop(0.3)
        assert 0.3 <= time.monotonic() - began < 20
        assert not is_running(pid)


def test_a_stopped_command_is_told_too() -> None:
    """A stopped process sees no signal until it is continued."""
    with running(python(POLITE)) as run:
        os.kill(run.pid(), signal.SIGSTOP)
        assert run.child.stop(GRACE)
        assert run.rest() == ["asked"]


def test_an_end_that_nobody_asked_for_is_told_with_its_exit_code() -> None:
    for program, code in (("", 0), ("import sys; sys.exit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -9)):
        with running(python(program)) as run:
            assert run.told.get(timeout=PATIENCE) == code
            assert run.child.stop(GRACE)


def test_what_a_command_has_started_is_asked_when_the_command_has_ended() -> None:
    """A shell ends at once and leaves what it runs alone."""
    with running(["/bin/sh", "-c", '"$@" & wait', "sh", *python(POLITE)]) as run:
        pid = run.pid()
        assert run.child.stop(GRACE)
        assert not is_running(pid)
        assert run.rest() == ["asked"]


def test_a_command_may_end_its_own_processes_in_its_own_order() -> None:
    """Nothing else asks them while it is there: so a server can let its workers drain."""
    program = f"""\
import subprocess, signal, sys
worker = subprocess.Popen([sys.executable, "-c", {POLITE!r}])
def leave(*_):
    print("last words", flush=True)
    worker.terminate()
    worker.wait()
    print("worker", worker.returncode, flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
while True:
    signal.pause()
"""
    with running(python(program)) as run:
        run.pid()
        assert run.child.stop(GRACE)
        assert run.rest() == ["last words", "asked", "worker 0"]


def test_what_a_command_has_started_is_killed_with_it() -> None:
    with running(["/bin/sh", "-c", '"$@" & trap "" TERM; while :; do wait; done', "sh", *python(STUBBORN)]) as run:
        pid = run.pid()
        assert not run.child.stop(0.3)
        wait_until(lambda: not is_running(pid))


def test_what_is_left_of_a_command_is_killed_when_its_time_is_over() -> None:
    with running(["/bin/sh", "-c", '"$@" & wait', "sh", *python(STUBBORN)]) as run:
        pid = run.pid()
        assert not run.child.stop(0.5)
        wait_until(lambda: not is_running(pid))
        assert run.rest() == ["asked"]


def test_what_a_command_has_left_behind_is_there_until_it_is_stopped() -> None:
    with running(["/bin/sh", "-c", '"$@" &', "sh", *python(POLITE)]) as run:
        pid = run.pid()
        assert run.told.get(timeout=PATIENCE) == 0
        assert is_running(pid)
        assert run.child.stop(GRACE)
        assert run.rest() == ["asked"]


def test_killing_cuts_a_stop_short() -> None:
    """A second signal comes while the first one is being handled."""
    with running(python(STUBBORN)) as run:
        pid = run.pid()
        threading.Timer(0.2, run.child.kill).start()
        began = time.monotonic()
        run.child.stop(GRACE)
        assert time.monotonic() - began < GRACE / 2
        assert not is_running(pid)


def test_a_command_that_is_not_there_cannot_be_started() -> None:
    with pytest.raises(FileNotFoundError):
        Child(Launch(("/nowhere/command",)), print)


def test_descriptors_are_passed_on_and_others_are_not(tmp_path: Path) -> None:
    with (tmp_path / "passed").open("w") as passed, (tmp_path / "kept").open("w") as kept:
        os.set_inheritable(kept.fileno(), True)
        look = "import os, sys\nfor n in map(int, sys.argv[1:]): print(os.path.exists(f'/dev/fd/{n}'), flush=True)"
        command = (*python(look), str(passed.fileno()), str(kept.fileno()))
        reading, writing = os.pipe()
        with os.fdopen(reading) as output:
            told: queue.SimpleQueue[int] = queue.SimpleQueue()
            launch = Launch((*WITH_OUTPUT, str(writing), *command), {}, (writing, passed.fileno()))
            child = Child(launch, told.put)
            os.close(writing)
            assert output.read().split() == ["True", "False"]
        assert told.get(timeout=PATIENCE) == 0
        child.stop(GRACE)


def test_variables_are_added_to_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESG_TEST_OWN", "own")
    told: queue.SimpleQueue[int] = queue.SimpleQueue()
    look = "import os, sys; sys.exit(os.environ['ESG_TEST_OWN'] + os.environ['ESG_TEST_MORE'] == 'ownmore')"
    child = Child(Launch(tuple(python(look)), {"ESG_TEST_MORE": "more"}), told.put)
    assert told.get(timeout=PATIENCE) == 1
    child.stop(GRACE)


def test_the_command_has_a_process_group_of_its_own() -> None:
    """CTRL+C in a terminal is for the reloader, which then ends the command cleanly."""
    with running(python(POLITE)) as run:
        pid = run.pid()
        assert os.getpgid(pid) == pid != os.getpgrp()
        answer = subprocess.run(
            [sys.executable, "-c", f"import os; print(os.getsid({pid}))"], capture_output=True, text=True, check=True
        )
        assert int(answer.stdout) == os.getsid(0)
