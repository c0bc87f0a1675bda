"""Runs the blocks of one page in order, as a reader would: files, commands and servers in an empty directory.

A command `esg ... MODULE:ATTRIBUTE` is a server: it has to start, goes on until the next one or the end of the page,
and has to end with exit code 0. Any other command has to succeed, and to print what stands below it, `...` being
anything. Ports that pages use are replaced by free ones, and
there are two workers at most.
"""

import os
import random
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.docs.pages import Block
from tests.support.e2e.server import PATIENCE, Program

APPLICATION = """\
async def app(scope, receive, send):
    assert scope["type"] in ("http", "websocket")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})
"""
"""What `shop:app` and its like are, unless a page has its own."""

PORTS = re.compile(r"\b(8000|9099)\b")
SERVER = re.compile(r"esg (?!(ctl|top) )(?!.*--(check|version|help)\b)(.* )?\w+(\.\w+)*:\w+")


class Session:
    """One page, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports = {port: str(_unused_port()) for port in ("8000", "9099")}
        self._server: Program | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.kill()

    def run(self, block: Block) -> None:
        """Do what a block says."""
        if block.title:
            (self._directory / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            self._check(block, [sys.executable, "-W", "error", "-c", block.text], "")
        else:
            for command, output in commands(block):
                self._do(block, command, output)

    def stop(self) -> None:
        """Stop the server that runs, which has to end cleanly."""
        server, self._server = self._server, None
        if server is not None:
            with server:
                assert server.stop() == 0, server.output

    def _do(self, block: Block, command: str, output: str) -> None:
        command = PORTS.sub(lambda found: self._ports[found[0]], command)
        if not SERVER.match(command):
            self._check(block, ["bash", "-c", command], output)
            return
        self.stop()
        for module in re.findall(r"(?<= )(\w+):app\b", command):
            if not (self._directory / f"{module}.py").exists():
                (self._directory / f"{module}.py").write_text(APPLICATION)
        words = shlex.split(re.sub(r"--workers \d+", "--workers 2", command), comments=True)
        self._server = Program(sys.executable, "-m", *words, cwd=self._directory, env=self._environment)
        self._server.wait_for("ESG running on ")
        if "--workers" in words:  # both: a stop in the middle of a start is the subject of other tests
            self._server.wait_for("(?s)Started server process.*Started server process")

    def _check(self, block: Block, command: list[str], expected: str) -> None:
        done = subprocess.run(
            command,
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=3 * PATIENCE,
        )
        assert done.returncode == 0, f"{block}: {command[-1]}\n{done.stdout}{done.stderr}"
        if expected not in ("", "..."):
            assert done.stdout.strip() == expected, f"{block}: {command[-1]}"

    @property
    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "ESG_PORT": self._ports["8000"], "NO_PROXY": "*", "no_proxy": "*"}


def _unused_port() -> int:
    """A free port that the system gives to no other program by itself, as a page may use it more than once."""
    while True:
        port = random.randrange(10_000, 30_000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with the output below it; without prompts, a block is one script."""
    if "$ " not in block.text:
        yield block.text, ""
        return
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output.strip()
