"""H-19: each protocol behind the PROXY protocol, with real clients that speak it."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.support.certificates import CA
from tests.support.e2e.clients import bodies_of_curl
from tests.support.e2e.programs import needs
from tests.support.e2e.server import PATIENCE, Server, serving
from tests.support.installed import LOOPS

APP = "tests.e2e.apps.deployed:app"
PREFACE = b"PROXY TCP4 198.51.100.7 192.0.2.1 5012 443\r\n"


@pytest.fixture(scope="module", params=LOOPS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(APP, "--loop", request.param, "--proxy-protocol") as running:
        yield running


@needs("curl")
@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_h19_cleartext(server: Server, version: str) -> None:
    """Curl announces its own connection."""
    facts = json.loads(bodies_of_curl("--haproxy-protocol", version, f"{server.url}/who"))
    assert (facts["client"][0], facts["server"]) == ("127.0.0.1", ["127.0.0.1", server.port])


@needs("curl")
def test_h19_tls_and_http2(tmp_path: Path) -> None:
    authority = CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    options = ("--haproxy-protocol", "--http2", "--cacert", str(tmp_path / "ca.pem"), "--write-out", "%{http_version}")
    with serving(APP, "--proxy-protocol", "--ssl-certfile", str(tmp_path / "server.pem")) as server:
        answer = bodies_of_curl(*options, f"{server.url}/who")
    assert answer.endswith("}2")
    assert json.loads(answer[:-1])["scheme"] == "https"


def test_h19_websocket(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
        connection.sendall(PREFACE)
        with connect("ws://esg/", sock=connection) as client:
            assert json.loads(client.recv())["client"] == ["198.51.100.7", 5012]
            client.send("hello")
            assert client.recv() == "HELLO"
