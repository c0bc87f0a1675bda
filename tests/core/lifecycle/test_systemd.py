"""What systemd passes to the process, and what it is told (rule W-5): with real descriptors and real datagrams."""

import contextlib
import logging
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from esg_core.errors import StartupError
from esg_core.lifecycle import systemd
from esg_core.lifecycle.systemd import Notifier
from esg_core.options.config import Config
from esg_core.sockets.activation import Passed, listening_sockets, passed_sockets, take_descriptors
from esg_core.sockets.bound import BoundSocket, close_all, describe
from esg_core.testing import ManualLoop

OURS = str(os.getpid())
PLACE = 700
"""A descriptor that is free, in place of 3, which belongs to the test runner."""


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Two listening sockets, as systemd passes them; the addresses that they have."""
    monkeypatch.setattr(systemd, "FIRST", PLACE)
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    for number, listener in enumerate(listeners):
        os.dup2(listener.fileno(), PLACE + number)
    monkeypatch.setenv("LISTEN_PID", OURS)
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_FDNAMES", "web:admin")
    yield [describe(listener) for listener in listeners]
    for number, listener in enumerate(listeners):
        os.close(PLACE + number)
        listener.close()


def addresses(bound: list[BoundSocket] | None) -> list[str]:
    assert bound is not None
    try:
        return [describe(one.sock) for one in bound]
    finally:
        close_all(bound)


@pytest.mark.usefixtures("passed")
def test_descriptors_are_passed_once() -> None:
    """M2: neither they nor the variables are inherited."""
    assert os.get_inheritable(PLACE)
    assert take_descriptors() == (Passed(PLACE, "web"), Passed(PLACE + 1, "admin"))
    assert not os.get_inheritable(PLACE)
    assert not os.get_inheritable(PLACE + 1)
    assert not [name for name in os.environ if name.startswith("LISTEN_")]
    assert take_descriptors() == ()


@pytest.mark.parametrize("names", ["", "web", "web:admin:more"])
@pytest.mark.usefixtures("passed")
def test_names_are_optional(names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDNAMES", names)
    expected = [*names.split(":"), ""][:2]
    assert [one.name for one in take_descriptors()] == expected


@pytest.mark.parametrize("pid", ["1", "", "x", f"{OURS}0"], ids=["init", "empty", "text", "longer"])
@pytest.mark.usefixtures("passed")
def test_descriptors_of_another_process(pid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """M2: the variables may have been inherited through any number of programs."""
    monkeypatch.setenv("LISTEN_PID", pid)
    assert take_descriptors() == ()
    assert "LISTEN_FDS" not in os.environ


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"LISTEN_PID": OURS}, "LISTEN_FDS='': must be the number"),
        ({"LISTEN_PID": OURS, "LISTEN_FDS": "-1"}, "LISTEN_FDS='-1': must be the number"),
        ({"LISTEN_PID": OURS, "LISTEN_FDS": "987654"}, "LISTEN_FDS=987654: descriptor [0-9]+ is not open"),
    ],
)
def test_variables_without_sense(variables: dict[str, str], text: str) -> None:
    with pytest.raises(StartupError, match=text):
        take_descriptors(variables)


def test_they_take_the_place_of_host_and_port(passed: list[str]) -> None:
    assert addresses(passed_sockets(Config("main:app", port=1))) == passed


def test_nothing_is_passed() -> None:
    config = Config("main:app", port=0)
    assert passed_sockets(config) is None
    assert len(addresses(listening_sockets(config))) == 1


def test_other_addresses_are_more_explicit(passed: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """Nobody accepts on sockets that are left over, so their clients would wait in vain: that is said."""
    assert addresses(listening_sockets(Config("main:app", fd=PLACE))) == passed[:1]
    assert re.findall("passed sockets that nobody accepts on: (.*); name", caplog.text) == [f"fd://{PLACE + 1}"]


def test_each_may_be_named(passed: list[str], caplog: pytest.LogCaptureFixture) -> None:
    bind = ["127.0.0.1:0", f"fd://{PLACE}", f"fd://{PLACE + 1}"]
    assert addresses(listening_sockets(Config("main:app", bind=bind)))[1:] == passed
    assert caplog.text == ""


def test_a_socket_that_cannot_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one of a unit with `Accept=yes`."""
    monkeypatch.setattr(systemd, "FIRST", PLACE)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.dup2(ours.fileno(), PLACE)
        monkeypatch.setenv("LISTEN_PID", OURS)
        monkeypatch.setenv("LISTEN_FDS", "1")
        try:
            with pytest.raises(StartupError, match=f"fd://{PLACE}: it is no socket that connections can be accepted"):
                passed_sockets(Config("main:app"))
        finally:
            os.close(PLACE)


# Notifications.


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
    assert notifier is not None
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
def test_nobody_listens(variables: dict[str, str]) -> None:
    """M1: then there is nothing that could call anybody."""
    assert Notifier.create(variables) is None


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": OURS}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_time_of_the_watchdog(variables: dict[str, str], seconds: float | None) -> None:
    notifier = Notifier.create({"NOTIFY_SOCKET": "/run/notify", **variables})
    assert notifier is not None
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
    """M1: at half of the time at the latest, from the event loop, until they are stopped."""
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
    """It is said once, and the server goes on."""
    notifier = Notifier(address)
    with caplog.at_level(logging.WARNING):
        notifier.ready()
        notifier.alive()
    assert caplog.messages == ["systemd cannot be told READY=1: NOTIFY_SOCKET: No such file or directory"]
