"""Certificates of QUIC: by name, of any kind of key, renewed while the server runs (rules Q-13, W-7)."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from trustme import KeyType

from esg_core.errors import UsageError
from esg_core.options.config import Config
from esg_core.sockets import certificate_reload
from esg_http.h3.certificates import Certificates
from tests.support.core.loops import run_in
from tests.support.http.sockets import authority
from tests.support.http3.client import QuicClient, configuration
from tests.support.http3.echo import served


def issued(path: Path, *names: str, **options: Any) -> Path:
    """A file with certificate and key for these names."""
    authority().issue_cert(*names, **options).private_key_and_cert_chain_pem.write_to_path(path)
    return path


def test_q13_certificates_by_name(certificate: Path, tmp_path: Path) -> None:
    """Q-13: the client checks the name itself, so the handshake fails with the wrong certificate."""
    other = issued(tmp_path / "other.pem", "other.test")
    wild = issued(tmp_path / "wild.pem", "*.wild.test")

    async def main() -> None:
        named = [f"other.test={other}", f"*.wild.test={wild}"]
        async with served(certificate, ssl_sni=named) as running:
            for name in ("other.test", "a.wild.test", "localhost", "127.0.0.1"):
                async with QuicClient(running.address, configuration(name)) as client:
                    assert await client.ask(0, b"hello") == b"hello"

    run_in("asyncio", main())


def test_w7_renewed_certificates_are_used_for_new_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate_reload, "LOOK_EVERY", 0.0)
    path = issued(tmp_path / "server.pem", "localhost")

    async def main() -> None:
        async with served(path) as running, QuicClient(running.address) as first:
            await first.ask(0, b"hello")
            issued(path, "localhost")
            async with QuicClient(running.address) as second:
                await second.ask(0, b"hello")
                assert await first.ask(4, b"still here") == b"still here"
                old, new = (client.quic.tls._peer_certificate for client in (first, second))
                assert old != new

    run_in("asyncio", main())


def test_q13_a_key_in_a_file_of_its_own_with_a_password(tmp_path: Path) -> None:
    made = authority().issue_cert("localhost")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    key = serialization.load_pem_private_key(made.private_key_pem.bytes(), None)
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )

    async def main() -> None:
        options: dict[str, Any] = {"ssl_keyfile": tmp_path / "key.pem", "ssl_keyfile_password": "secret"}
        async with served(tmp_path / "cert.pem", **options) as running, QuicClient(running.address) as client:
            assert await client.ask(0, b"hello") == b"hello"

    run_in("asyncio", main())


@pytest.mark.parametrize(
    ("text", "reason"), [(b"nothing", "PEM file"), (authority().cert_pem.bytes(), "no private key in PEM was found")]
)
def test_q13_a_file_that_quic_cannot_use_is_wrong_use(text: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=f"ssl_certfile=.*: HTTP/3 cannot use it: .*{reason}"):
        Certificates(Config("tests.apps:app", ssl_certfile=path, http3=True))


def test_q13_a_key_of_rsa(tmp_path: Path) -> None:
    path = issued(tmp_path / "rsa.pem", "localhost", key_type=KeyType.RSA)

    async def main() -> None:
        async with served(path) as running, QuicClient(running.address) as client:
            assert await client.ask(0, b"hello") == b"hello"

    run_in("asyncio", main())


def test_q13_a_key_that_quic_cannot_use_is_wrong_use(certificate: Path, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP521R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "key.pem"
    path.write_bytes(key)
    config = Config("tests.apps:app", ssl_certfile=certificate, ssl_keyfile=path, http3=True)
    with pytest.raises(UsageError, match=r"ssl_certfile=.*: HTTP/3 needs a key of RSA, P-256"):
        Certificates(config)
