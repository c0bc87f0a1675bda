"""HTTP/2 with the clients that people use, over each parser of HTTP/1.1, loop and transport (rules 2-1, 2-2)."""

import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from tests.e2e.clients import PATIENCE, Curl
from tests.e2e.programs import needs
from tests.e2e.server import Server, serving

KINDS = [
    (parser, loop, tls)
    for parser, loop in (("httptools", "uvloop"), ("h11", "asyncio"), ("httptools", "asyncio"))
    for tls in (False, True)
]
SUCCEEDED = re.compile(r"requests: (\d+) total, .* (\d+) succeeded, (\d+) failed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the certificates of an authority and a server."""
    directory = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(directory / "server.key")
    certificate.cert_chain_pems[0].write_to_path(directory / "server.pem")
    return directory


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}-{'tls' if kind[2] else 'clear'}")
def server(request: pytest.FixtureRequest, authority: Path) -> Iterator[Server]:
    parser, loop, tls = request.param
    files = ("--ssl-certfile", str(authority / "server.pem"), "--ssl-keyfile", str(authority / "server.key"))
    options = ("--http", parser, "--loop", loop, *(files if tls else ()))
    with serving("tests.e2e.apps.plain:app", *options) as running:
        yield running


def curl(server: Server, authority: Path, path: str, *more: str) -> bytes:
    is_tls = server.url.startswith("https:")
    how = ["--http2", "--cacert", str(authority / "ca.pem")] if is_tls else ["--http2-prior-knowledge"]
    return Curl().run(*how, *more, f"{server.url}{path}").body


@needs("curl")
def test_2_1_http_2_and_1_1_on_the_same_port(server: Server, authority: Path) -> None:
    for version, more in (("2", []), ("1.1", ["--http1.1"])):
        seen = json.loads(curl(server, authority, "/who", *more))
        assert (seen["http_version"], seen["path"], server.url.partition(":")[0]) == (version, "/who", seen["scheme"])


@needs("curl")
def test_2_2_an_upload_larger_than_every_buffer(server: Server, authority: Path, tmp_path: Path) -> None:
    file = tmp_path / "upload"
    file.write_bytes(b"x" * 3_000_000)
    assert curl(server, authority, "/size", "--data-binary", f"@{file}") == b"3000000"


@needs("nghttp")
def test_2_1_nghttp(server: Server) -> None:
    command = ["nghttp", "--no-verify-peer", f"--timeout={PATIENCE}", f"{server.url}/", f"{server.url}/who"]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    assert b"Hello, world!" in output
    assert b'"http_version": "2"' in output


@needs("h2load")
def test_2_2_h2load(server: Server) -> None:
    """Many streams at a time, on several connections."""
    command = ["h2load", "-n", "500", "-c", "4", "-m", "20", f"{server.url}/"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=float(PATIENCE)).stdout
    match = SUCCEEDED.search(output)
    assert match is not None, output
    assert match.groups() == ("500", "500", "0")


def test_2_2_httpx(server: Server, authority: Path) -> None:
    trust = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    with httpx.Client(http1=False, http2=True, verify=trust, timeout=float(PATIENCE)) as client:
        assert client.get(f"{server.url}/who").json()["http_version"] == "2"
        assert client.post(f"{server.url}/size", content=b"x" * 200_000).text == "200000"
        assert client.get(f"{server.url}/delayed").text == "first second"
