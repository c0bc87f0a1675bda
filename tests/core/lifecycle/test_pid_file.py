"""The file with a server's process ID: created, in use, left behind, removed."""

import errno
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


@pytest.mark.skipif(sys.platform == "win32", reason="has no such locks")
def test_what_cannot_be_locked_is_said_and_leaves_no_descriptor(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network's file system without locks."""

    def refuse(descriptor: int, _operation: int) -> None:
        descriptors.append(descriptor)
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    descriptors: list[int] = []
    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(StartupError, match="no locks available"):
        PidFile(str(path)).write()
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    PidFile(str(path)).close()


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"pid_file: '.*/nowhere/x' cannot be written: no such file or directory"):
        PidFile(str(tmp_path / "nowhere" / "x")).write()
