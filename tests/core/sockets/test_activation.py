"""The sockets that systemd passes to the process (rule W-5), with real descriptors."""

import os
import re
import socket
from collections.abc import Iterator

import pytest

from esg_core.errors import StartupError
from esg_core.options.config import Config
from esg_core.sockets import activation
from esg_core.sockets.activation import Passed, listening_sockets, passed_sockets, take_descriptors
from esg_core.sockets.bound import BoundSocket, close_all, describe

OURS = str(os.getpid())
PLACE = 700
"""A free descriptor in place of 3, which belongs to the test runner."""


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Two listening sockets, passed as systemd does; returns their addresses."""
    monkeypatch.setattr(activation, "FIRST", PLACE)
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
    """W-5: neither they nor the variables are inherited."""
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
    """W-5: the variables may have been inherited through any number of programs."""
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
    """The server does not accept on sockets left over, so their clients would wait in vain: a warning says so."""
    assert addresses(listening_sockets(Config("main:app", fd=PLACE))) == passed[:1]
    assert re.findall("passed sockets that are not used: (.*); name", caplog.text) == [f"fd://{PLACE + 1}"]


def test_each_may_be_named(passed: list[str], caplog: pytest.LogCaptureFixture) -> None:
    bind = ["127.0.0.1:0", f"fd://{PLACE}", f"fd://{PLACE + 1}"]
    assert addresses(listening_sockets(Config("main:app", bind=bind)))[1:] == passed
    assert caplog.text == ""


def test_a_socket_that_cannot_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Like that of a unit with `Accept=yes`."""
    monkeypatch.setattr(activation, "FIRST", PLACE)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.dup2(ours.fileno(), PLACE)
        monkeypatch.setenv("LISTEN_PID", OURS)
        monkeypatch.setenv("LISTEN_FDS", "1")
        try:
            with pytest.raises(StartupError, match=f"fd://{PLACE}: it is not a socket that can accept connections"):
                passed_sockets(Config("main:app"))
        finally:
            os.close(PLACE)


# Notifications.
