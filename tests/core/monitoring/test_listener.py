"""M-3: the sockets of the admin address, with real clients, friendly and hostile ones."""

import contextlib
import logging
import os
import resource
import socket
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from esg_core.admin.contracts import Peer, Stats
from esg_core.figures.readings import Reading
from esg_core.monitoring import client as client_module
from esg_core.monitoring.listener import MOST_CLIENTS, peer_of
from tests.support.admin.client import parse
from tests.support.admin.listening import Listening, descriptors, eventually, read_all, request
from tests.support.admin.source import StillSource


@pytest.fixture(params=["unix", "tcp"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Either kind of address."""
    return f"unix:{tmp_path / 'admin.sock'}" if request.param == "unix" else "127.0.0.1:0"


@pytest.fixture
def listening(address: str) -> Iterator[Listening]:
    with Listening(StillSource(), address) as listening:
        yield listening


def test_m3_a_client_is_answered_and_its_connection_is_closed(listening: Listening) -> None:
    answered = listening.ask("/health")
    assert (answered.status, answered.text) == (200, "healthy\n")


def test_m3_bytes_may_come_one_by_one(listening: Listening) -> None:
    with listening.connect() as client:
        for byte in request("/ready"):
            client.sendall(bytes([byte]))
        assert parse(read_all(client)).status == 200


def test_m3_a_client_may_end_its_side_before_the_answer(listening: Listening) -> None:
    with listening.connect() as client:
        client.sendall(request("/health"))
        client.shutdown(socket.SHUT_WR)
        assert parse(read_all(client)).status == 200


def test_m3_the_file_is_for_its_owner_alone_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with Listening(StillSource(), f"unix:{path}"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_m3_a_file_that_was_left_behind_does_not_pass_on_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    path.chmod(0o666)
    with Listening(StillSource(), f"unix:{path}"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


# Where clients come from.


def pair(server: socket.socket) -> tuple[socket.socket, socket.socket]:
    client = socket.socket(server.family)
    client.connect(server.getsockname())
    return client, server.accept()[0]


@pytest.mark.parametrize(
    ("family", "host"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.9.8.7"), (socket.AF_INET6, "::1")],
)
def test_m7_a_loopback_address_is_one(family: socket.AddressFamily, host: str) -> None:
    with socket.create_server((host, 0), family=family) as server:
        client, accepted = pair(server)
        with client, accepted:
            assert peer_of(accepted) is Peer.LOOPBACK


def test_m7_a_loopback_address_of_ipv4_is_one_on_a_socket_for_both_versions() -> None:
    with socket.socket(socket.AF_INET6) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::ffff:127.0.0.1", 0))
        server.listen()
        with socket.create_connection(("127.0.0.1", server.getsockname()[1])), server.accept()[0] as accepted:
            assert accepted.getpeername()[0] == "::ffff:127.0.0.1"
            assert peer_of(accepted) is Peer.LOOPBACK


def test_m7_only_a_socket_with_a_file_has_let_its_client_in(tmp_path: Path) -> None:
    """An abstract name has no permissions: any user may connect to it."""
    for name, peer in ((str(tmp_path / "s"), Peer.UNIX), (f"\0esg-{os.getpid()}", Peer.OTHER)):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
            server.listen()
            client, accepted = pair(server)
            with client, accepted:
                assert peer_of(accepted) is peer


# Hostile clients.


def test_m3_the_seventeenth_client_is_closed_and_the_next_is_served(listening: Listening) -> None:
    clients = [listening.connect() for _ in range(MOST_CLIENTS)]
    with listening.connect() as one_too_many:
        assert read_all(one_too_many) == b""
    clients.pop().close()

    def is_served() -> bool:
        try:
            return listening.ask("/health").status == 200
        except (ValueError, OSError):  # closed, because the listener has not seen the other one go yet
            return False

    eventually(is_served)
    for client in clients:
        client.sendall(request("/health"))
        assert parse(read_all(client)).status == 200
        client.close()


def test_m3_half_a_request_has_its_time(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "REQUEST_PATIENCE", 0.2)
    with Listening(StillSource(), address) as listening, listening.connect() as client, listening.connect() as silent:
        client.sendall(b"GET /health HT")
        assert parse(read_all(client)).status == 408
        assert read_all(silent) == b""


def test_m3_a_mebibyte_of_nothing_gets_its_answer(listening: Listening) -> None:
    """The rest is discarded: closing with unread bytes would be a reset, which may overtake the answer."""
    with listening.connect() as client:
        client.sendall(b"x" * (1 << 20))
        assert parse(read_all(client)).status == 414
    assert listening.ask("/health").status == 200


def test_m3_a_flood_has_an_end(listening: Listening) -> None:
    def flood() -> None:
        while True:
            client.sendall(b"x" * 65536)

    with listening.connect() as client, pytest.raises((ConnectionResetError, BrokenPipeError)):
        flood()


class BigSource(StillSource):
    """Its document is longer than what a socket takes at once."""

    def stats(self) -> Stats:
        found = super().stats()
        found["options"] = {"app": "x" * 3_000_000}
        return found


def test_m3_a_long_answer_is_not_cut(address: str) -> None:
    with Listening(BigSource(), address) as listening:
        assert len(listening.ask("/stats").body) > 3_000_000


def test_m3_a_client_that_does_not_read_its_answer_is_closed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "REQUEST_PATIENCE", 0.3)
    with Listening(BigSource(), address) as listening, listening.connect() as client:
        client.sendall(request("/stats"))
        assert client.recv(12) == b"HTTP/1.1 200"
        eventually(lambda: listening.is_idle)
        assert len(read_all(client)) < 3_000_000


def test_m3_a_stream_that_is_not_read_is_closed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event is longer than the limit here, so one that cannot be written is enough."""
    monkeypatch.setattr("esg_core.monitoring.listener.TICK", 0.02)
    with Listening(BigSource(), address) as listening, listening.connect() as client:
        client.sendall(request("/events"))
        assert client.recv(12) == b"HTTP/1.1 200"
        eventually(lambda: listening.is_idle)
        assert listening.ask("/health").status == 200


def test_m3_a_stream_goes_on_until_its_client_goes(listening: Listening) -> None:
    with listening.connect() as client:
        client.sendall(request("/events"))
        data = b""
        while data.count(b"event: stats") < 2:
            data += client.recv(65536)
    eventually(lambda: listening.is_idle)


def test_l5_an_idle_listener_is_not_woken(listening: Listening) -> None:
    assert listening.ask("/health").status == 200
    eventually(lambda: listening.is_idle)
    before = listening.turns
    time.sleep(0.3)
    assert listening.turns == before


def test_m3_no_descriptor_is_left(listening: Listening) -> None:
    """Of a hundred clients of all kinds, some of which go before they are answered."""
    before = descriptors()
    kinds = (request("/health"), b"nonsense\r\n\r\n", b"GET /", request("/events"), request("/stacks"), b"")
    for number in range(102):
        with listening.connect() as client, contextlib.suppress(ConnectionError):  # one too many is refused
            client.sendall(kinds[number % len(kinds)])
            if number % len(kinds) < 2:
                read_all(client)
    eventually(lambda: listening.is_idle and descriptors() == before)


# What goes wrong in the server.


class BrokenSource(StillSource):
    """Has a fault in its figures, and another one in all events but the first."""

    def __init__(self) -> None:
        super().__init__()
        self.events = 0

    def readings(self) -> Sequence[Reading]:
        raise RuntimeError("a fault in the figures")

    def stats(self) -> Stats:
        self.events += 1
        if self.events > 1:
            raise RuntimeError("a fault in a later event")
        return super().stats()


def test_m3_what_raises_is_logged_once_and_answered(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "esg.error"), Listening(BrokenSource(), address) as listening:
        for _ in range(2):
            answered = listening.ask("/metrics")
            assert (answered.status, "fault" in answered.text) == (500, False)
        with listening.connect() as client:
            client.sendall(request("/events"))
            assert read_all(client).count(b"event: stats") == 1
        assert listening.ask("/health").status == 200
    assert [record.levelname for record in caplog.records if "a fault in the figures" in record.message] == ["ERROR"]
    assert any("a fault in a later event" in record.message for record in caplog.records)


def test_m3_running_out_of_descriptors_stops_nothing(listening: Listening) -> None:
    """Clients wait in the queue until there is room, and the listener does not spin meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hoard: list[int] = []
    with socket.socket(listening.bound[0].sock.family) as client:
        client.settimeout(20)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        try:
            with contextlib.suppress(OSError):
                while True:
                    hoard.append(os.dup(0))
            assert len(hoard) < 256
            client.connect(listening.bound[0].sock.getsockname())
            client.sendall(request("/health"))
            before = listening.turns
            time.sleep(0.3)
            assert listening.turns - before < 10
        finally:
            for number in hoard:
                os.close(number)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert parse(read_all(client)).status == 200


def test_m3_several_clients_are_served_at_a_time(listening: Listening) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(listening.ask("/stats").status)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 8
