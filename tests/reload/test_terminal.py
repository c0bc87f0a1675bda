"""A reloader in a terminal: CTRL+C is for the reloader, and a debugger in the command can be typed to."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.reload.changes import PATIENCE
from tests.support.reload.processes import POLITE, is_running, python, wait_until

OWN_TERMINAL = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes standard input the terminal of a new session, as a login does, and becomes another program."""

ASKING = """\
import os
print("ready", os.getpid(), flush=True)
print("you said", input("? "), flush=True)
"""

ASKING_WITHOUT_ECHO = """\
import os, signal, termios
signal.signal(signal.SIGTERM, signal.SIG_IGN)
attributes = termios.tcgetattr(0)
attributes[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSANOW, attributes)
print("ready", os.getpid(), flush=True)
while True:
    input()
"""


class Session:
    """`esg-reload -- COMMAND` in a new terminal."""

    def __init__(self, command: list[str], cwd: Path) -> None:
        self.keyboard, self.screen = pty.openpty()
        self._seen = ""
        reload = [sys.executable, "-m", "esg_reload", "--grace", "0.5", "--", *command]
        self.process = subprocess.Popen(
            [*python(OWN_TERMINAL), *reload],
            cwd=cwd,
            stdin=self.screen,
            stdout=self.screen,
            stderr=self.screen,
            start_new_session=True,
        )

    def type(self, keys: str) -> None:
        os.write(self.keyboard, keys.encode())

    def wait_for(self, text: str) -> str:
        """Read the screen up to some text, and return the rest of that line, which is whole."""
        end = time.monotonic() + PATIENCE
        while not (found := self._seen.partition(text))[1] or "\n" not in found[2]:
            readable, _, _ = select.select([self.keyboard], [], [], max(0, end - time.monotonic()))
            assert readable, f"no {text!r} on the screen: {self._seen!r}"
            self._seen += os.read(self.keyboard, 65536).decode().replace("\r\n", "\n")
        line, _, self._seen = found[2].partition("\n")
        return line

    def pid(self) -> int:
        return int(self.wait_for("ready "))

    def echoes(self) -> bool:
        attributes = termios.tcgetattr(self.screen)
        return bool(attributes[3] & termios.ECHO)

    def hang_up(self) -> None:
        """Close the terminal, like closing its window."""
        for descriptor in (self.keyboard, self.screen):
            with suppress(OSError):
                os.close(descriptor)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
        self.process.wait(PATIENCE)
        self.hang_up()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "main.py").touch()
    return tmp_path


@contextmanager
def session(command: list[str], cwd: Path) -> Iterator[Session]:
    running = Session(command, cwd)
    try:
        yield running
    finally:
        running.close()


def test_ctrl_c_is_for_the_reloader_which_ends_the_command_in_order(here: Path) -> None:
    with session(python(POLITE), here) as terminal:
        pid = terminal.pid()
        terminal.type("\x03")
        terminal.wait_for("asked")
        assert terminal.process.wait(PATIENCE) == 0
        assert not is_running(pid)


def test_a_command_that_reads_from_the_terminal_is_lent_it(here: Path) -> None:
    """A debugger; when the command has ended, CTRL+C is for the reloader again."""
    with session(python(ASKING), here) as terminal:
        terminal.pid()
        terminal.type("hello\n")
        assert terminal.wait_for("you said ") == "hello"
        terminal.wait_for("Ended; waiting for a change")
        terminal.type("\x03")
        assert terminal.process.wait(PATIENCE) == 0


def test_each_run_can_borrow_the_terminal(here: Path) -> None:
    with session(python(ASKING), here) as terminal:
        first = terminal.pid()
        terminal.type("first\n")
        assert terminal.wait_for("you said ") == "first"
        (here / "main.py").write_text("1\n")
        assert terminal.pid() != first
        terminal.type("second\n")
        assert terminal.wait_for("you said ") == "second"


def test_the_terminal_is_taken_back_as_it_was(here: Path) -> None:
    """A program that is killed while it has switched off the echo cannot switch it on again."""
    with session(python(ASKING_WITHOUT_ECHO), here) as terminal:
        first = terminal.pid()
        assert not terminal.echoes()
        terminal.type("\n")
        (here / "main.py").write_text("1\n")
        terminal.wait_for("Killed what did not end within 0.5 s")
        assert terminal.pid() != first
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(PATIENCE) == 1
        assert terminal.echoes()


def test_ctrl_z_does_not_stop_a_command_that_was_lent_the_terminal(here: Path) -> None:
    """The shell would wait for the reloader, which is not stopped."""
    with session(python(ASKING), here) as terminal:
        terminal.pid()
        terminal.type("first\x1a")
        terminal.type("second\n")
        assert terminal.wait_for("you said ").endswith("second")


def test_nothing_is_left_when_the_terminal_is_closed(here: Path) -> None:
    with session(python(POLITE), here) as terminal:
        pid = terminal.pid()
        terminal.hang_up()
        assert terminal.process.wait(PATIENCE) == 0
        wait_until(lambda: not is_running(pid))


def test_who_has_no_terminal_lends_none() -> None:
    program = "import os; from esg_reload.terminal import Terminal; print(Terminal().lend(os.getpgrp()))"
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30, start_new_session=True)
    assert answer.stdout == "False\n"


IN_THE_BACKGROUND = """\
import os, pathlib, threading, time
from esg_reload.group import Group
from esg_reload.launch import prepare

def kill_once_stopped(group):
    while pathlib.Path(f"/proc/{group.id}/stat").read_text().split()[2] != "T":
        time.sleep(0.01)
    group.kill()

if os.fork() == 0:
    os.setpgid(0, 0)
    group = Group(prepare(["sh", "-c", "read line"]))
    threading.Thread(target=kill_once_stopped, args=[group]).start()
    print("ended", group.wait(), flush=True)
else:
    os.wait()
"""


def test_a_terminal_that_another_group_uses_is_not_lent(here: Path) -> None:
    """As for `esg-reload ... &` in a shell: the command stays stopped."""
    with session(python(IN_THE_BACKGROUND), here) as terminal:
        assert terminal.wait_for("ended ") == "-9"


LENT_UNTIL_IT_IS_GONE = """\
import contextlib, os, pathlib, signal, sys
from esg_reload.terminal import Terminal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
terminal = Terminal()
assert terminal.lend(os.getpgrp())
print(end="!", flush=True)
with contextlib.suppress(OSError):
    os.read(0, 1)
terminal.take_back()
pathlib.Path(sys.argv[1]).write_text("went on")
"""


def test_a_terminal_that_is_gone_is_not_taken_back(tmp_path: Path) -> None:
    keyboard, screen = pty.openpty()
    answer = tmp_path / "answer"
    process = subprocess.Popen(
        [*python(OWN_TERMINAL), *python(LENT_UNTIL_IT_IS_GONE), str(answer)],
        stdin=screen,
        stdout=screen,
        start_new_session=True,
    )
    try:
        os.close(screen)
        assert select.select([keyboard], [], [], PATIENCE)[0]
        assert os.read(keyboard, 1) == b"!"
        os.close(keyboard)
        assert process.wait(PATIENCE) == 0
        assert answer.read_text() == "went on"
    finally:
        process.kill()
        process.wait()
