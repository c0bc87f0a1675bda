"""What tests of servers in processes of their own need besides a server."""

from pathlib import Path

import pytest

from tests.support.http.sockets import authority


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with a server's certificate and key, by the authority that `client_tls()` trusts."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    return path
