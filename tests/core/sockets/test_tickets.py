"""W-11: keys of session tickets that several contexts share, and that change in time."""

import logging
import pickle
import ssl
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esg_core.options.config import Config
from esg_core.sockets import tickets
from esg_core.sockets.tickets import TicketKeys, TLSContext, WithTickets, set_ticket_keys
from esg_core.sockets.tls import renewed_context
from tests.support.certificates import CA
from tests.support.core.revocation import revocation_list

CHECKED: dict[str, Any] = {"ssl_cert_reqs": 2, "ssl_ca_certs": "ca.pem"}

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tickets")
    authority = CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    (directory / "more.pem").write_bytes(authority.cert_pem.bytes() + CA().cert_pem.bytes())
    (directory / "none.crl").write_bytes(revocation_list(authority))
    (directory / "one.crl").write_bytes(revocation_list(authority, authority.issue_cert("stolen")))
    for name in ("server", "client"):
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(directory / f"{name}.pem")
    return directory


@pytest.fixture(autouse=True)
def _the_same_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key changes during a test by chance."""
    monkeypatch.setattr(tickets, "time", SimpleNamespace(monotonic=lambda: 100.5 * tickets.PERIOD))


class Client:
    """A client that keeps its session."""

    def __init__(self, files: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        self._context = ssl.create_default_context(cafile=str(files / "ca.pem"))
        self._context.load_cert_chain(files / "client.pem")
        self._context.maximum_version = version
        self._session: ssl.SSLSession | None = None

    def resumes(self, context: ssl.SSLContext) -> bool:
        """Shake hands with a server's context in memory; returns whether the client's last session was resumed."""
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(there, back, server_side=True)
        client = self._context.wrap_bio(back, there, server_hostname="localhost", session=self._session)
        for end in (client, server, client, server):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
        with suppress(ssl.SSLWantReadError):
            client.read()  # TLS 1.3 sends tickets after the handshake
        self._session = client.session
        assert client.session_reused == server.session_reused
        return bool(client.session_reused)


def worker(keys: TicketKeys, files: Path, **options: Any) -> WithTickets:
    """What a worker of a parent with these keys serves with."""
    copy: TicketKeys = pickle.loads(pickle.dumps(keys))
    paths: dict[str, Any] = {
        name: str(files / options[name]) for name in ("ssl_ca_certs", "ssl_crl") if name in options
    }
    config = Config("main:app", **{"ssl_certfile": str(files / "server.pem"), **options, **paths})
    return WithTickets(renewed_context(config), copy)


def test_this_python_can_share_keys() -> None:
    """A new version of CPython needs a look at its `PySSLContext`, and then `_openssl()` may know it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    before = context.options
    assert set_ticket_keys(context, bytes)
    assert context.options == before


@pytest.mark.parametrize("version", VERSIONS)
def test_workers_of_one_parent_resume_each_others_sessions(files: Path, version: ssl.TLSVersion) -> None:
    keys, client = TicketKeys(), Client(files, version)
    assert not client.resumes(worker(keys, files)())
    for _ in range(3):
        assert client.resumes(worker(keys, files)())
    assert not client.resumes(worker(TicketKeys(), files)())


def test_a_new_context_has_the_same_keys(files: Path) -> None:
    """As after its certificate was renewed."""
    contexts = [TLSContext(renewed_context(Config("main:app", ssl_certfile=str(files / "server.pem")))().context, b"")]
    newest, client = WithTickets(lambda: contexts[-1], TicketKeys()), Client(files)
    client.resumes(newest())
    contexts.append(renewed_context(Config("main:app", ssl_certfile=str(files / "server.pem")))())
    assert client.resumes(newest())
    assert newest() is contexts[-1].context


def test_keys_change_at_the_same_moment_everywhere(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is older needs one full handshake; whoever joins later knows nothing of the past."""
    now = 100.5
    monkeypatch.setattr(tickets, "time", SimpleNamespace(monotonic=lambda: now * tickets.PERIOD))
    keys = TicketKeys()
    first, second, client = worker(keys, files), worker(keys, files), Client(files)
    client.resumes(first())
    old = keys.derive(b"", 80)
    now = 102.0
    assert [client.resumes(second()), client.resumes(first()), client.resumes(second())] == [False, True, True]
    assert keys.age() == 103.0 * tickets.PERIOD
    assert client.resumes(worker(keys, files)())
    assert keys.derive(b"", 80) != old


@pytest.mark.parametrize(
    ("other", "resumes"),
    [
        ({"ssl_cert_reqs": 2, "ssl_ca_certs": "ca.pem"}, True),
        ({"ssl_cert_reqs": 2, "ssl_ca_certs": "more.pem"}, False),
        ({"ssl_cert_reqs": 1, "ssl_ca_certs": "ca.pem"}, False),
        ({"ssl_cert_reqs": 2, "ssl_ca_certs": "ca.pem", "ssl_crl": "none.crl"}, False),
        ({}, False),
    ],
)
def test_a_session_counts_only_where_clients_are_let_in_alike(
    files: Path, other: dict[str, Any], resumes: bool
) -> None:
    keys, client = TicketKeys(), Client(files)
    client.resumes(worker(keys, files, **CHECKED)())
    assert client.resumes(worker(keys, files, **other)()) is resumes


def test_a_session_ends_when_certificates_are_revoked(files: Path) -> None:
    """Then each client is checked again."""
    keys, client = TicketKeys(), Client(files)
    results = [
        client.resumes(worker(keys, files, **CHECKED, ssl_crl=crl)()) for crl in ("none.crl", "none.crl", "one.crl")
    ]
    assert results == [False, True, False]


@pytest.mark.parametrize(("mode", "shares"), [(ssl.CERT_NONE, True), (ssl.CERT_REQUIRED, False)])
def test_a_context_of_the_program_that_checks_clients_keeps_its_own_keys(
    files: Path, mode: ssl.VerifyMode, shares: bool
) -> None:
    """Nothing tells whether two of them let in the same clients."""

    def make(config: object, default_factory: object) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files / "server.pem")
        context.load_verify_locations(files / "ca.pem")
        context.verify_mode = mode
        return context

    keys, client = TicketKeys(), Client(files)
    first, second = (worker(keys, files, ssl_context_factory=make) for _ in range(2))
    client.resumes(first())
    assert client.resumes(second()) is shares
    assert client.resumes(second())


def test_without_openssl_each_context_keeps_its_own_keys(
    files: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> None:
        raise AttributeError

    monkeypatch.setattr(tickets, "_OpenSSL", missing)
    tickets._openssl.cache_clear()  # as in a process that has not looked yet
    keys, client = TicketKeys(), Client(files)
    try:
        with caplog.at_level(logging.DEBUG, "esg.error"):
            first, second = worker(keys, files), worker(keys, files)
            results = [client.resumes(one()) for one in (first, second, second)]
    finally:
        tickets._openssl.cache_clear()  # the next test looks for itself
    assert results == [False, False, True]
    assert caplog.messages == ["TLS sessions end with their worker: this Python cannot share their keys"]
