"""S-7: who may connect to a UNIX socket: its permissions, owner and group, from the first moment on."""

import os
import pwd
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.behaviour.test_unix_files import APP, WAYS, get, leave_behind
from tests.support.e2e.server import PATIENCE, ROOT, Server
from tests.support.reload.processes import wait_until

IS_ROOT = os.geteuid() == 0

USER, GROUP = (65534, 65534) if IS_ROOT else (os.geteuid(), os.getegid())
"""What this process may give its files to."""

RIGHTS = ("--uds-permissions", "660", "--uds-owner", str(USER), "--uds-group", str(GROUP))


def rights(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


@pytest.mark.parametrize("way", WAYS)
def test_s7_the_options_decide(tmp_path: Path, way: str) -> None:
    """Whatever the mode of a file that a dead process has left."""
    first, second = tmp_path / "first.sock", tmp_path / "second.sock"
    leave_behind(first, 0o606)
    with Server(APP, "--bind", f"unix:{first}", "--bind", f"unix:{second}", *RIGHTS, *WAYS[way]) as server:
        server.wait_for("ESG running on")
        for path in (first, second):
            assert rights(path) == (0o660, USER, GROUP)
            assert get(path).body == b"hello"
        assert server.stop() == 0
        assert not list(tmp_path.iterdir())


def test_s7_a_new_program_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    """W-3: it listens on the same socket."""
    path = tmp_path / "esg.sock"
    with Server(APP, "--uds", str(path), "--workers", "1", *RIGHTS) as server:
        server.wait_for("ESG running on unix:")
        server.process.send_signal(signal.SIGUSR2)
        new = int(server.wait_for(r"The new program \[(\d+)\] is serving")[1])
        assert server.process.wait(PATIENCE) == 0
        assert rights(path) == (0o660, USER, GROUP)
        assert get(path).body == b"hello"
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: not path.exists())


WATCHED = """\
import os, sys

path, *options = sys.argv[1:]
os.umask(0)


def watch(event, arguments):
    if event in ("os.chown", "os.chmod") and str(arguments[0]) == path:
        print(f"{event} {os.stat(path).st_mode & 0o777:03o}")


from esg_core.options.config import Config
from esg_core.sockets.activation import own_sockets
from esg_core.sockets.bound import close_all

sys.addaudithook(watch)
bound = own_sockets(Config("main:app", uds=path, uds_group=os.getegid(), uds_permissions=options[0]))
print(f"then {os.stat(path).st_mode & 0o777:03o}")
close_all(bound)
"""
"""Binds a socket with the widest umask, and prints the mode of its file before each change."""


@pytest.mark.needs("audit events")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the time before the socket listens protects it")
@pytest.mark.parametrize(("wanted", "made"), [("660", "600"), ("060", "000"), ("777", "700")])
def test_s7_at_no_moment_may_more_users_connect(tmp_path: Path, wanted: str, made: str) -> None:
    command = [sys.executable, "-c", WATCHED, str(tmp_path / "esg.sock"), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=3 * PATIENCE)
    assert done.stdout.splitlines() == [f"os.chown {made}", f"os.chmod {made}", f"then {wanted}"]


UNPRIVILEGED = """\
import grp, os, pwd, tempfile  # all of them now: later they may be out of reach

from esg_core.errors import StartupError
from esg_core.options.config import Config
from esg_core.sockets import activation, unix_files

with tempfile.TemporaryDirectory() as directory:
    if os.geteuid() == 0:
        os.chown(directory, 65534, 65534)
        os.setegid(65534)
        os.seteuid(65534)
    try:
        activation.own_sockets(Config("main:app", uds=f"{directory}/esg.sock", uds_owner=0))
    except StartupError as error:
        print(error, os.listdir(directory))
"""


def test_s7_files_that_may_not_be_given_away() -> None:
    """One line that names the option, and no file is left."""
    command = [sys.executable, "-c", UNPRIVILEGED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=3 * PATIENCE)
    assert "/esg.sock: permission denied for uds_owner='0': only root may give files to any user" in done.stdout
    assert done.stdout.endswith("own []\n")


@pytest.mark.parametrize("way", ["alone", "workers"])
@pytest.mark.parametrize(("option", "kind"), [("--uds-owner", "user"), ("--uds-group", "group")])
def test_s7_unknown_names(tmp_path: Path, way: str, option: str, kind: str) -> None:
    path = tmp_path / "esg.sock"
    with Server(APP, "--uds", str(path), option, "no.such.name", *WAYS[way]) as server:
        assert server.wait() == 2
        assert server.lines == [f"Error: {option} no.such.name: this system has no such {kind}"]
    assert not path.exists()


def test_s7_names_and_numbers(tmp_path: Path) -> None:
    """A number may belong to no user that this system knows, as in containers."""
    own = pwd.getpwuid(os.geteuid())
    path = tmp_path / "esg.sock"
    with Server(APP, "--uds", str(path), "--uds-owner", own.pw_name) as server:
        server.wait_for("ESG running on unix:")
        assert rights(path)[:2] == (0o666, own.pw_uid)
        assert server.stop() == 0
