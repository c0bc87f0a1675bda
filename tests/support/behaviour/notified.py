"""systemd's side of its notifications, as a socket of the test."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.e2e.server import PATIENCE


@pytest.fixture
def systemd() -> Iterator[socket.socket]:
    """Where systemd listens."""
    with tempfile.TemporaryDirectory(prefix="esg") as name, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(Path(name, "notify")))
        sock.settimeout(PATIENCE)
        yield sock


def hear(systemd: socket.socket) -> dict[str, str]:
    """The next message."""
    return dict(line.split("=", 1) for line in systemd.recv(4096).decode().splitlines())
