"""C-3: a forced end is an error, which is shown whatever is logged; one that a second signal asked for is not."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from esg_core.processes.supervisor import ONE_SIGNAL
from tests.support.behaviour.lifecycle import APP, asked
from tests.support.behaviour.working import Workers, working
from tests.support.e2e.server import Server
from tests.support.reload.processes import is_running, wait_until

QUICK = ("--timeout-graceful-shutdown", "0.3")


@pytest.mark.parametrize(
    ("path", "says", "error"),
    [
        ("/sleep?s=60", "sleeping", "stopped by force: whatever did not end in time was cancelled"),
        ("/block?s=60", "blocking", "did not stop in time: stopped by force"),
        ("/lonely-thread", "thread", r"threads are still running: .*: stopped by force"),
    ],
)
def test_c3_what_has_to_be_ended_by_force_is_told(path: str, says: str, error: str) -> None:
    """In one line, below the place where the application hangs, if any."""
    with Server(APP, *QUICK) as server:
        with asked(server, path, says):
            assert server.stop() == 1
        assert re.fullmatch(f"Error: {error}", server.lines[-1])
        assert sum(line.startswith("Error: ") for line in server.lines) == 1
        assert ("It was here:" in server.lines) == (path == "/block?s=60")


def test_c3_a_second_signal_is_no_error() -> None:
    with Server(APP) as server:
        with asked(server, "/sleep?s=60", "sleeping"):
            server.process.send_signal(signal.SIGINT)
            server.wait_for("Waiting for 1 connections")
            assert server.stop(signal.SIGINT) == 1
        assert server.lines[-1].removeprefix("WARNING:  ") == "Second signal: stopping at once"
        assert "ERROR" not in server.output.upper()


def test_c3_a_worker_that_has_to_be_ended_by_force_is_told_by_its_parent() -> None:
    with Workers(2, *QUICK) as server:
        server.settle(2)
        with asked(server, "/sleep?s=60", "sleeping"):
            assert server.stop() == 1
        errors = [line for line in server.lines if line.startswith("Error: ")]
        assert errors == ["Error: stopped by force: not every worker ended in time"]


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGINT])
def test_c3_workers_that_are_killed_as_wanted_are_no_error(number: signal.Signals) -> None:
    with Workers(1) as server:
        server.settle(1)
        with asked(server, "/sleep?s=60", "sleeping"):
            if number == signal.SIGINT:
                server.send(number)
                server.wait_for("Waiting for 1 connections")
                time.sleep(ONE_SIGNAL)
            assert server.stop(number) == 1
        assert "Error: " not in server.output
        assert "at once" in server.output


models = pytest.mark.parametrize("options", [(), ("--preload",)], ids=["fresh", "preload"])


@contextmanager
def suspended(server: Workers) -> Iterator[None]:
    """The parent sees what happens inside the `with` block all at once, afterwards."""
    server.send(signal.SIGSTOP)
    stat = Path(f"/proc/{server.pid}/stat")
    wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
    yield
    server.send(signal.SIGCONT)


def end(pid: int, number: signal.Signals) -> None:
    os.kill(pid, number)
    wait_until(lambda: not is_running(pid))


@models
def test_c2_a_worker_that_died_before_the_stop_does_not_make_it_a_forced_one(options: tuple[str, ...]) -> None:
    """Even if the parent sees the signal first."""
    with Workers(2, *options) as server:
        victim, _ = server.settle(2)
        server.wait_for("Started parent process")  # before, it would be a worker that has never been ready
        with suspended(server):
            end(victim, signal.SIGKILL)
            server.send(signal.SIGTERM)
        assert server.wait() == 0, server.output
        assert f"Worker [{victim}] was ended by SIGKILL" in server.output
        assert "Error: " not in server.output


@models
def test_c3_a_worker_that_dies_in_the_middle_of_a_stop_is_told(options: tuple[str, ...]) -> None:
    with Workers(2, *options) as server:
        server.settle(2)
        with asked(server, "/sleep?s=60", "sleeping"):
            server.send(signal.SIGTERM)
            pid = int(server.wait_for(r"\[(\d+)\] Waiting for 1 connections")[1])
            os.kill(pid, signal.SIGKILL)
            assert server.wait() == 1
        errors = [line for line in server.lines if line.startswith("Error: ")]
        assert errors == [f"Error: Worker [{pid}] was ended by SIGKILL while the server was stopping"]


HELD = """\
import os, signal, sys
if "-c" in sys.orig_argv:
    print("held", os.getpid(), flush=True)
    signal.pause()
"""
"""Holds up a worker at the start of its interpreter."""


def test_c2_a_stop_of_all_processes_is_clean_while_a_worker_starts(tmp_path: Path) -> None:
    """A worker cannot handle signals before its first code has run; its parent sees the signal and the end at once."""
    tmp_path.joinpath("sitecustomize.py").write_text(HELD)
    with Workers(1, env={**os.environ, "PYTHONPATH": str(tmp_path)}) as server:
        worker = int(server.wait_for(r"held (\d+)")[1])
        with suspended(server):
            end(worker, signal.SIGTERM)
            server.send(signal.SIGTERM)
        assert server.wait() == 0, server.output
        assert "Error: " not in server.output


def test_w3_a_rolling_restart_says_when_it_is_done() -> None:
    """C-1."""
    with working(2) as server:
        before = server.there
        server.send(signal.SIGHUP)
        server.wait_for("Restarting 2 workers, one by one")
        server.wait_for(r"INFO:     Restarted 2 workers")
        server.next(before)
