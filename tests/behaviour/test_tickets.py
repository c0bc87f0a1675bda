"""W-11: a client resumes its TLS session with any worker, and after all of them were replaced."""

import signal
import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import get
from tests.support.behaviour.working import LONG, working
from tests.support.certificates import CA
from tests.support.e2e.server import PATIENCE

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")


class Client:
    """Connects again and again with the session of its last connection."""

    def __init__(self, port: int, authority: CA) -> None:
        self._address = ("127.0.0.1", port)
        self._context = ssl.create_default_context()
        authority.configure_trust(self._context)
        self._session: ssl.SSLSession | None = None

    def ask(self) -> tuple[int, bool]:
        """The worker that has answered, and whether it has resumed the session."""
        with (
            socket.create_connection(self._address, PATIENCE) as raw,
            self._context.wrap_socket(raw, server_hostname="localhost", session=self._session) as connection,
        ):
            pid = int(get(connection, "/pid").body)
            self._session = connection.session
            return pid, bool(connection.session_reused)

    def resumes_with(self, workers: list[int]) -> bool:
        """Whether all of the workers resume the session; the second time counts if keys have just changed."""
        return self._reaches(workers) or self._reaches(workers)

    def _reaches(self, workers: list[int]) -> bool:
        """Ask until each of the workers has answered; returns whether all of them have resumed the session."""
        found: dict[int, bool] = {}
        until = time.monotonic() + LONG
        while not found.keys() >= set(workers) and time.monotonic() < until:
            pid, has_resumed = self.ask()
            found[pid] = found.get(pid, True) and has_resumed
        return found == dict.fromkeys(workers, True)


@pytest.mark.parametrize("option", ["--no-preload", "--preload"])
def test_any_worker_resumes_a_session(option: str, tmp_path: Path) -> None:
    authority = CA()
    certificate = tmp_path / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
    with working(2, option, "--ssl-certfile", str(certificate)) as server:
        client = Client(server.port, authority)
        assert not client.ask()[1]
        before = server.there
        assert client.resumes_with(before)
        server.send(signal.SIGHUP)
        assert client.resumes_with(server.next(before))
