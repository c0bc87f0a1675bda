"""A command and the processes that it starts, where the system tells less than usual."""

import os
import subprocess
import sys

import pytest

from esg_reload.group import Group
from esg_reload.launch import prepare

WITHOUT_STATUS = """\
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
from esg_reload.group import Group
from esg_reload.launch import prepare
print(Group(prepare(["sh", "-c", "exit 3"])).wait())
"""


def test_a_command_that_has_ended_gets_no_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process ID may belong to another process by now."""
    group = Group(prepare(["true"]))
    assert group.wait() == 0
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *sent: signals.append(sent))
    group.ask_leader()
    assert signals == []


def test_the_end_of_a_command_is_noticed_where_sigchld_is_ignored() -> None:
    """A parent that ignores it passes that on; then the system keeps no status."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_STATUS], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "0\n"
