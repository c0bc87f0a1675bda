"""The command `esg` in a terminal of its own, and without one."""

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from types import TracebackType
from typing import NamedTuple, Self

import pytest

from esg_cli.command import main

PATIENCE = 60.0

IN_TERMINAL = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes standard input the terminal of a new session, as a login does, and becomes another program."""

ESG = [sys.executable, "-c", "from esg_cli.command import main; main()"]

CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()].)|\r")

WITHOUT_INPUT = ["/bin/sh", "-c", 'exec "$@" < /dev/null', "sh", *ESG]

LEAVES = "\x1b[?1049l"
"""What gives the terminal its previous screen back."""


ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("ESG_")}


class Done(NamedTuple):
    """What a command has left."""

    returncode: int
    stdout: str
    stderr: str


def esg(*arguments: str) -> Done:
    """The command in this process, without a terminal."""
    with (
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
        pytest.raises(SystemExit) as ended,
    ):
        main(arguments)
    assert isinstance(ended.value.code, int)
    return Done(ended.value.code, out.getvalue(), err.getvalue())


def esg_process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own, without a terminal."""
    return subprocess.run(
        [*ESG, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**ENVIRONMENT, "COLUMNS": "80", **variables},
        check=False,
    )


class Terminal:
    """`esg ARGUMENTS` in a new terminal of 80 columns and 24 rows; `written` is all that it has sent to it."""

    def __init__(self, *arguments: str, command: Sequence[str] = ESG, **variables: str) -> None:
        self.written = ""
        self._keyboard, self._screen = pty.openpty()
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {**ENVIRONMENT, "TERM": "xterm", **variables}
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
            environment.pop(name, None)
        self.before = termios.tcgetattr(self._screen)
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, *command, *arguments],
            stdin=self._screen,
            stdout=self._screen,
            stderr=self._screen,
            env=environment,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self._screen)
        os.close(self._keyboard)

    def type(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """Read until the text that came after the last call matches; returns what matched, and forgets up to there."""
        end = time.monotonic() + PATIENCE
        while (found := re.search(pattern, CONTROL.sub("", self.written))) is None:
            readable, _, _ = select.select([self._keyboard], [], [], max(0, end - time.monotonic()))
            assert readable, f"no {pattern!r} on the screen: {self.written[-2500:]!r}"
            self.written += os.read(self._keyboard, 65536).decode()
        self.written = CONTROL.sub("", self.written)[found.end() :]
        return found[0]

    def end(self) -> int:
        """Read what is left until the command has ended; returns its exit code."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None or select.select([self._keyboard], [], [], 0)[0]:
            assert time.monotonic() < end, f"it has not ended: {self.written[-2500:]!r}"
            if select.select([self._keyboard], [], [], 0.05)[0]:
                self.written += os.read(self._keyboard, 65536).decode()
        return self.process.returncode

    def is_as_before(self) -> bool:
        """Whether the terminal echoes and waits for whole lines, as it did."""
        return termios.tcgetattr(self._screen) == self.before
