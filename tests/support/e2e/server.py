"""ESG as its users run it: `python -m esg` in a separate process."""

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60.0
"""Seconds to wait for events that must happen, on a busy machine."""

URL = re.compile(r"(https?)://([^\s:/]+|\[[^\s]+\]):(\d+)")


class Program:
    """A running command, with the descriptors in `inherit`; a thread collects its output line by line."""

    def __init__(
        self, *command: str, cwd: Path = ROOT, env: dict[str, str] | None = None, inherit: tuple[int, ...] = ()
    ) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            pass_fds=inherit,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str | re.Pattern[str], after: int = 0) -> re.Match[str]:
        """The first match in the output, awaited if necessary; the first `after` lines do not count."""
        wanted = re.compile(pattern)

        def search() -> re.Match[str] | None:
            return wanted.search("\n".join(self.lines[after:]))

        with self._changed:
            self._changed.wait_for(lambda: self._ended or search(), PATIENCE)
            found = search()
        assert found is not None, f"no {wanted.pattern!r} in the output:\n{self.output}"
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        """Make sure that nothing is left behind."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        if self.process.stdout is not None and not self._reader.is_alive():  # otherwise another process has it open too
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class Server(Program):
    """`python -m esg` on a free port of the loopback, unless the options say otherwise, ready to answer."""

    def __init__(self, app: str, *options: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
        place = () if {"--uds", "--fd", "--bind", "--port"} & set(options) else ("--port", "0")
        super().__init__(sys.executable, "-m", "esg", app, *place, *options, cwd=cwd, env=env)

    @property
    def url(self) -> str:
        return self.wait_for(URL)[0]

    @property
    def port(self) -> int:
        return int(self.wait_for(URL)[3])

    def connect(self, timeout: float = PATIENCE) -> socket.socket:
        """A new connection to the server."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)


@contextmanager
def serving(app: str, *options: str, cwd: Path = ROOT) -> Iterator[Server]:
    """A server that is ready; it is stopped afterwards and must exit cleanly (rule C-2)."""
    with Server(app, *options, cwd=cwd) as server:
        assert server.url
        yield server
        code = server.stop()
        assert code == 0, f"exit code {code}:\n{server.output}"
