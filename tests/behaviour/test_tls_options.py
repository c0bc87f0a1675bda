"""S-8: revoked client certificates, the lowest version of TLS, and a context of the program's own, also in workers."""

import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from esg_core.options.config import Config
from tests.support.certificates import CA, LeafCert
from tests.support.core.revocation import revocation_list
from tests.support.e2e.server import PATIENCE, Server
from tests.support.e2e.wire import ask
from tests.support.reload.processes import wait_until

APP = "examples.hello:app"

WAYS: dict[str, tuple[str, ...]] = {
    "alone on asyncio": ("--loop", "asyncio"),
    "a worker on uvloop": ("--loop", "uvloop", "--workers", "1"),
}

HELLO = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def authority() -> CA:
    return CA()


@pytest.fixture
def files(authority: CA, tmp_path: Path) -> Path:
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path


@contextmanager
def serving(files: Path, *options: str) -> Iterator[Server]:
    with Server(APP, "--port", "0", "--ssl-certfile", str(files / "server.pem"), *options) as server:
        server.wait_for("ESG running on")
        yield server
        assert server.stop() == 0


def mutual(files: Path, *options: str) -> tuple[str, ...]:
    """Options for a server that wants certificates of its clients, and knows which are revoked."""
    return ("--ssl-cert-reqs", "2", "--ssl-ca-certs", f"{files}/ca.pem", "--ssl-crl", f"{files}/crl.pem", *options)


def client(authority: CA, certificate: LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if certificate is not None:
        certificate.configure_cert(context)
    return context


def status(server: Server, context: ssl.SSLContext) -> int | None:
    """The status of a response over a new connection; None if TLS refuses the client."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
        try:
            with context.wrap_socket(connection, server_hostname="localhost") as tls:
                return ask(tls, HELLO).status
        except (ssl.SSLError, ConnectionError, EOFError):
            return None


def replace(path: Path, text: bytes) -> None:
    """Atomically, as administrators are told to."""
    new = path.with_suffix(".new")
    new.write_bytes(text)
    new.replace(path)


@pytest.mark.parametrize("way", WAYS)
def test_s8_a_revoked_client_is_refused_once_the_list_says_so(authority: CA, files: Path, way: str) -> None:
    """A broken list leaves the former one in use."""
    good = client(authority, authority.issue_cert("good@example.org"))
    revoked = authority.issue_cert("revoked@example.org")
    bad = client(authority, revoked)
    crl = files / "crl.pem"
    crl.write_bytes(revocation_list(authority))
    with serving(files, *mutual(files), *WAYS[way]) as server:
        assert (status(server, good), status(server, bad)) == (200, 200)
        replace(crl, revocation_list(authority, revoked))
        wait_until(lambda: status(server, bad) is None)
        assert status(server, good) == 200
        replace(crl, b"nonsense")
        wait_until(lambda: status(server, good) == 200 and "in PEM was found; the former" in server.output)
        assert status(server, bad) is None


def test_s8_clients_of_an_authority_without_a_current_list_are_refused(authority: CA, files: Path) -> None:
    (files / "crl.pem").write_bytes(revocation_list(authority, expired=True))
    with serving(files, *mutual(files)) as server:
        assert status(server, client(authority, authority.issue_cert("me@example.org"))) is None


def test_s8_a_rolling_restart_with_a_bad_list_changes_nothing(authority: CA, files: Path) -> None:
    """W-9: it is tried first."""
    me = client(authority, authority.issue_cert("me@example.org"))
    (files / "crl.pem").write_bytes(revocation_list(authority))
    with serving(files, *mutual(files, "--workers", "1")) as server:
        replace(files / "crl.pem", b"nonsense")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(r"--ssl-crl '?.*crl\.pem'?: no revocation list \(CRL\) in PEM was found")
        assert status(server, me) == 200


@pytest.mark.parametrize("way", WAYS)
def test_s8_older_clients_are_refused(authority: CA, files: Path, way: str) -> None:
    old = client(authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    for version, answer in (("TLSv1.3", None), ("TLSv1.2", 200)):
        with serving(files, "--ssl-min-version", version, *WAYS[way]) as server:
            assert (status(server, old), status(server, client(authority))) == (answer, 200)


def only_new(config: Config, default_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """A factory: ESG's context, and one change."""
    context = default_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


@pytest.mark.parametrize("way", WAYS)
def test_s8_the_context_may_be_made_by_the_program(authority: CA, files: Path, way: str) -> None:
    """U-8: with uvicorn's signature."""
    old = client(authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(files, "--ssl-context-factory", f"{__name__}:only_new", *WAYS[way]) as server:
        assert (status(server, old), status(server, client(authority))) == (None, 200)
