"""C-4: a process that is started without standard descriptors serves, and ends cleanly."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import free_port, get
from tests.support.behaviour.working import connect_to
from tests.support.e2e.server import PATIENCE, ROOT

APP = "tests.behaviour.apps.descriptors:app"
CLOSED = {"input": "<&-", "output": ">&-", "errors": "2>&-", "all": "<&- >&- 2>&-"}
WAYS = {
    "uvloop": ("--loop", "uvloop"),
    "asyncio": ("--loop", "asyncio"),
    "workers": ("--workers", "2"),
    "preload": ("--workers", "2", "--preload"),
    "reload": ("--reload", "--reload-dir", "tests/behaviour/apps"),
}

TELL = """
import os, sys
names = [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]
with open(sys.argv[1] + ".new", "w") as file:
    file.write(" ".join(names))
os.rename(file.name, sys.argv[1])
"""


def without(closed: str, *command: str) -> "subprocess.Popen[bytes]":
    """A command that a shell starts without some of its standard descriptors; output to the others is dropped."""
    words = ("sh", "-c", f'exec "$@" {CLOSED[closed]}', "sh", *command)
    return subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def body_from(port: int) -> str:
    """The answer of a server that is about to start."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with connect_to(port) as connection:
                return get(connection).body.decode()
        except ConnectionRefusedError:
            assert time.monotonic() < end, "no server"
            time.sleep(0.02)


@pytest.mark.needs("closed standard input")
@pytest.mark.parametrize(
    ("closed", "way"), [*((closed, "uvloop") for closed in CLOSED), *(("all", way) for way in WAYS if way != "uvloop")]
)
def test_c4_closed_descriptors_lead_nowhere(closed: str, way: str) -> None:
    """In every process that runs the application."""
    port = free_port()
    process = without(closed, sys.executable, "-m", "esg", APP, "--port", str(port), "--no-access-log", *WAYS[way])
    try:
        assert body_from(port) == ",".join([os.devnull] * 3)
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait(PATIENCE)


@pytest.mark.needs("closed standard input")
@pytest.mark.parametrize("closed", ["output", "all"])
def test_c4_a_reloaded_command_has_standard_descriptors_too(closed: str, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    command = (sys.executable, "-m", "esg_reload", "--watch", str(tmp_path), "--", sys.executable, "-c", TELL)
    process = without(closed, *command, str(answer))
    try:
        end = time.monotonic() + PATIENCE
        while not answer.exists():
            assert time.monotonic() < end, "the command has not run"
            time.sleep(0.02)
        assert answer.read_text().split() == [os.devnull] * 3
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait(PATIENCE)
