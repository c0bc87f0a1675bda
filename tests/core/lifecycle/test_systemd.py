"""What systemd is told (rule W-5), by real datagrams."""

import contextlib
import logging
import os
import re
import socket
import time
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest

from esg_core.lifecycle.systemd import Notifier
from esg_core.testing import ManualLoop

OURS = str(os.getpid())


@pytest.fixture(params=["file", "abstract"])
def systemd_socket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "file" else f"\0esg-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name)
        sock.settimeout(10)
        yield sock


def address_of(sock: socket.socket) -> str:
    name = sock.getsockname()
    return f"@{name[1:].decode()}" if isinstance(name, bytes) else str(name)


def test_each_message(systemd_socket: socket.socket) -> None:
    notifier = Notifier.create({"NOTIFY_SOCKET": address_of(systemd_socket)})
    notifier.ready("Serving on\nhttp://127.0.0.1:8000")
    assert systemd_socket.recv(999) == b"READY=1\nSTATUS=Serving on http://127.0.0.1:8000"
    notifier.ready()
    assert systemd_socket.recv(999) == b"READY=1"
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    notifier.reloading()
    message = re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=([0-9]+)", systemd_socket.recv(999))
    assert message is not None
    assert before <= int(message[1]) / 1e6 + 1e-6 <= time.clock_gettime(time.CLOCK_MONOTONIC) + 1e-6
    notifier.stopping(2.5)
    assert systemd_socket.recv(999) == b"STOPPING=1\nSTATUS=Shutting down\nEXTEND_TIMEOUT_USEC=2500000"
    notifier.stopping()
    assert systemd_socket.recv(999) == b"STOPPING=1\nSTATUS=Shutting down"
    notifier.main_process(17)
    assert systemd_socket.recv(999) == b"MAINPID=17"
    notifier.status("3 of 4 workers")
    assert systemd_socket.recv(999) == b"STATUS=3 of 4 workers"
    notifier.alive()
    assert systemd_socket.recv(999) == b"WATCHDOG=1"


@pytest.mark.parametrize("variables", [{}, {"NOTIFY_SOCKET": ""}, {"WATCHDOG_USEC": "1000000"}])
def test_w5_nobody_listens(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Then no socket is made for notifications, and no watchdog waits."""
    notifier = Notifier.create(variables)
    monkeypatch.setattr(socket, "socket", None)
    notifier.ready("Serving")
    notifier.alive()
    notifier.stopping()
    assert notifier.watchdog == inf


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": OURS}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, inf),
        ({"WATCHDOG_USEC": "0"}, inf),
        ({"WATCHDOG_USEC": "soon"}, inf),
        ({}, inf),
    ],
)
def test_time_of_the_watchdog(variables: dict[str, str], seconds: float) -> None:
    notifier = Notifier.create({"NOTIFY_SOCKET": "/run/notify", **variables})
    assert notifier.watchdog == seconds


def pings(systemd_socket: socket.socket) -> int:
    """How many have come since the last look."""
    systemd_socket.settimeout(0)
    found = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            assert systemd_socket.recv(99) == b"WATCHDOG=1"
            found += 1
    return found


def test_pings(systemd_socket: socket.socket) -> None:
    """W-5: after half of the period at the latest, from the event loop, until they are stopped."""
    notifier = Notifier(address_of(systemd_socket), watchdog=3.0)
    with ManualLoop() as loop:
        notifier.start_pinging(loop)
        assert pings(systemd_socket) == 1
        for _ in range(10):
            loop.advance(1.5)
            assert pings(systemd_socket) in (1, 2)
        notifier.stop_pinging()
        notifier.stop_pinging()
        loop.advance(10)
        assert pings(systemd_socket) == 0


def test_no_pings_unless_asked_for(systemd_socket: socket.socket) -> None:
    notifier = Notifier(address_of(systemd_socket))
    with ManualLoop() as loop:
        notifier.start_pinging(loop)
        loop.advance(100)
        notifier.stop_pinging()
    assert pings(systemd_socket) == 0


@pytest.mark.parametrize("address", ["/nowhere/notify", "vsock:2:9999"])
def test_systemd_that_is_not_there(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, and the server goes on."""
    notifier = Notifier(address)
    with caplog.at_level(logging.WARNING):
        notifier.ready()
        notifier.alive()
    assert caplog.messages == ["cannot notify systemd of READY=1: NOTIFY_SOCKET: No such file or directory"]
