"""The program in a package's README runs as it stands, and answers if it serves."""

import re
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import free_port
from tests.support.e2e.server import PATIENCE, Program
from tests.support.source_tree import DISTRIBUTIONS, home

APPLICATION = """\
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})
"""
"""What `main:app` is."""

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = {
    name: program
    for name in DISTRIBUTIONS
    for program in BLOCK.findall((home(name) / "README.md").read_text(encoding="utf-8"))
}


def first_answer(program: Program, port: int) -> bytes:
    """Of a server that may not listen yet."""
    deadline = time.monotonic() + 3 * PATIENCE
    while time.monotonic() < deadline and program.process.poll() is None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            return client.recv(4096)
        time.sleep(0.05)  # nothing tells when a program of which only the port is known listens
    return b""


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_of_a_readme_runs(name: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APPLICATION, encoding="utf-8")
    port = free_port()
    text = PROGRAMS[name].replace("8000", str(port))
    with Program(sys.executable, "-W", "error", "-c", text, cwd=tmp_path) as program:
        if text == PROGRAMS[name]:
            assert program.wait() == 0, program.output
        else:
            assert first_answer(program, port).startswith(b"HTTP/1.1 "), program.output
