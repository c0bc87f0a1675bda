"""The file with a server's process ID: created, in use, left behind, removed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from esg_core.errors import StartupError
from esg_core.lifecycle.pid_file import PidFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "esg.pid"


def test_it_has_the_number_and_is_removed(path: Path) -> None:
    file = PidFile(str(path))
    file.write()
    assert path.read_text() == f"{os.getpid()}\n"
    assert list(path.parent.iterdir()) == [path]
    file.remove()
    file.remove()
    assert not path.exists()


def test_that_of_a_running_server_is_an_error(path: Path) -> None:
    file = PidFile(str(path))
    file.write()
    with pytest.raises(StartupError, match=re.escape(f"belongs to a running server: {os.getpid()}")):
        PidFile(str(path)).write()
    file.remove()


def test_one_that_was_left_behind_is_replaced_although_the_number_is_in_use(path: Path) -> None:
    """In a container, the next server has the same process ID as the one that was killed."""
    path.write_text(f"{os.getpid()}\n")
    file = PidFile(str(path))
    file.write()
    file.remove()
    assert not path.exists()


def test_one_that_another_server_has_replaced_stays(path: Path) -> None:
    former, new = PidFile(str(path)), PidFile(str(path))
    former.write()
    new.write(replace=True)
    former.remove()
    assert path.exists()
    new.remove()
    assert not path.exists()


def test_it_stays_where_it_was_made(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = PidFile("esg.pid")
    file.write()
    monkeypatch.chdir("/")
    file.remove()
    assert not path.exists()


def test_a_killed_server_leaves_no_lock(path: Path) -> None:
    program = (
        f"import os\nfrom esg_core.lifecycle.pid_file import PidFile\nPidFile({str(path)!r}).write()\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program], check=False, timeout=30)
    assert path.exists()
    PidFile(str(path)).write()


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"pid_file: '.*/nowhere/x' cannot be written: no such file or directory"):
        PidFile(str(tmp_path / "nowhere" / "x")).write()
