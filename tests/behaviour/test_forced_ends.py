"""C-3: a forced end is an error, which is shown whatever is logged; one that a second signal asked for is not."""

import re
import signal
import time

import pytest

from esg_core.processes.supervisor import ONE_SIGNAL
from tests.support.behaviour.lifecycle import APP, asked
from tests.support.behaviour.working import Workers, working
from tests.support.e2e.server import Server

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


def test_w3_a_rolling_restart_says_when_it_is_done() -> None:
    """C-1."""
    with working(2) as server:
        before = server.there
        server.send(signal.SIGHUP)
        server.wait_for("Restarting 2 workers, one by one")
        server.wait_for(r"INFO:     Restarted 2 workers")
        server.next(before)
