"""TLS with a real client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import CA
from tests.support.e2e.clients import Curl
from tests.support.e2e.programs import needs
from tests.support.e2e.server import Server, serving

pytestmark = needs("curl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the certificates of an authority, a server and a client."""
    directory = tmp_path_factory.mktemp("tls")
    authority = CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    for name, certificate in (
        ("server", authority.issue_cert("localhost", "127.0.0.1")),
        ("client", authority.issue_cert("client@example.org")),
    ):
        certificate.private_key_pem.write_to_path(directory / f"{name}.key")
        certificate.cert_chain_pems[0].write_to_path(directory / f"{name}.pem")
    return directory


def files(directory: Path) -> tuple[str, ...]:
    return ("--ssl-certfile", str(directory / "server.pem"), "--ssl-keyfile", str(directory / "server.key"))


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, authority: Path) -> Iterator[Server]:
    with serving("tests.e2e.apps.plain:app", "--loop", request.param, *files(authority)) as running:
        yield running


@pytest.mark.everywhere
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_https_with_curl(server: Server, authority: Path, version: str) -> None:
    """The scheme is https, and the connection is kept."""
    assert server.url.startswith("https://")
    answer = Curl().run(
        "--cacert", str(authority / "ca.pem"), f"--tlsv{version}", "--tls-max", version, f"{server.url}/who"
    )
    assert answer.status == 200
    assert b'"scheme": "https"' in answer.body


def test_upload_over_tls(server: Server, authority: Path, tmp_path: Path) -> None:
    """A body larger than every buffer."""
    file = tmp_path / "upload"
    file.write_bytes(b"x" * 3_000_000)
    answer = Curl().run("--cacert", str(authority / "ca.pem"), "--data-binary", f"@{file}", f"{server.url}/size")
    assert answer.body == b"3000000"


def test_cleartext_on_a_tls_port_does_no_harm(server: Server, authority: Path) -> None:
    """A client that speaks the wrong protocol is hung up on, the next one is served."""
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n")
        assert not connection.recv(65536).startswith(b"HTTP/1.1 2")
    assert Curl().run("--cacert", str(authority / "ca.pem"), f"{server.url}/").status == 200


def test_mutual_tls(authority: Path) -> None:
    """Only a client with a certificate of the authority is let in (`--ssl-cert-reqs 2`)."""
    wanted = ("--ssl-ca-certs", str(authority / "ca.pem"), "--ssl-cert-reqs", "2")
    known = ("--cert", str(authority / "client.pem"), "--key", str(authority / "client.key"))
    with serving("tests.e2e.apps.plain:app", *files(authority), *wanted) as server:
        ca = ("--cacert", str(authority / "ca.pem"))
        assert Curl().run(*ca, *known, f"{server.url}/").status == 200
        with server.connect() as connection:
            connection.sendall(b"\x16\x03\x01\x00\x05hello")
            assert not connection.recv(65536).startswith(b"HTTP")
