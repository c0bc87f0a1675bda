"""Zombies, processes that have ended but not been reaped, need not be killed."""

import os
import subprocess
import sys

import pytest

from esg_reload.zombies import PROC, only_zombies

if not PROC.joinpath("self/stat").exists():
    pytest.skip("this system has no /proc", allow_module_level=True)


def test_a_process_that_has_ended_is_a_zombie_until_it_is_waited_for() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, process_group=0)
    assert not only_zombies(process.pid)
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert only_zombies(process.pid)
    os.killpg(process.pid, 0)  # the group is still there
    assert process.wait() == 0
