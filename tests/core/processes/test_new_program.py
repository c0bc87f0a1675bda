"""A new start of the program (rule W-3): what may happen before it is complete."""

import fcntl
import os
import signal
import sys
import time
from typing import Any

import pytest

from esg_core.processes.new_program import CANNOT_EXECUTE, Successor
from esg_core.processes.signals import as_bytes

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # the child only executes a program

UNTIL_IT_IS_ENDED = [sys.executable, "-c", "import time; time.sleep(30)"]


def test_w3_a_program_that_is_about_to_start_can_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the program is executed, the copy has the parent's signal handling, which would swallow signals."""

    def slowly(*arguments: Any) -> int:
        time.sleep(0.2)
        return int(duplicate(*arguments))

    duplicate = fcntl.fcntl
    monkeypatch.setattr(fcntl, "fcntl", slowly)
    monkeypatch.setattr(sys, "orig_argv", UNTIL_IT_IS_ENDED)
    with as_bytes() as numbers:
        successor = Successor([], dict(os.environ))
        successor.ask_to_end()
        assert successor.end() == "SIGTERM"
        assert signal.SIGTERM not in numbers.recv(100)
    successor.line.close()


def test_w3_a_program_that_cannot_be_executed_says_why(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    successor = Successor([], dict(os.environ))
    assert successor.end() == f"exit code {CANNOT_EXECUTE}"
    assert successor.serves() is False
    assert capfd.readouterr().err.startswith("/nowhere/python: ")
    successor.line.close()
