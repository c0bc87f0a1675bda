"""nginx in front of ESG over a UNIX socket, with the configuration of `examples/deploy`."""

import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.support.e2e.programs import find, needs
from tests.support.e2e.server import PATIENCE, ROOT, Program, Server

pytestmark = needs("nginx")


@dataclass(frozen=True)
class Site:
    """nginx, and the server behind it."""

    url: str
    server: Server


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def await_port(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("nginx does not listen")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="esg") as name:
        directory, port = Path(name), free_port()
        text = (ROOT / "examples/deploy/nginx.conf").read_text(encoding="utf-8")
        (directory / "nginx.conf").write_text(text.replace("127.0.0.1:8080", f"127.0.0.1:{port}"), encoding="utf-8")
        uds = ("--uds", str(directory / "esg.sock"), "--forwarded-allow-ips", "unix")
        user = " user root;" if os.geteuid() == 0 else ""
        program = find("nginx")
        assert program is not None
        nginx = (program, "-p", name, "-c", "nginx.conf", "-e", "stderr", "-g", f"daemon off;{user}")
        with Server("tests.e2e.apps.plain:app", *uds, "--app-dir", str(ROOT), cwd=directory) as server:
            server.wait_for("esg.sock")
            with Program(*nginx, cwd=directory) as proxy:
                await_port(port)
                yield Site(f"http://127.0.0.1:{port}", server)
                assert proxy.stop() == 0
                assert proxy.output == ""
            assert server.stop() == 0
        assert not (directory / "esg.sock").exists()


def test_u7_the_application_sees_the_real_client(site: Site) -> None:
    """U-7, H-19: proxy headers of a UNIX socket are believed; the server is the socket (H-15)."""
    facts = httpx.get(f"{site.url}/who").json()
    assert facts["client"][0] == "127.0.0.1"
    assert facts["server"][0].endswith("esg.sock")
    assert facts["scheme"] == "http"


def test_u7_a_client_cannot_forge_its_address(site: Site) -> None:
    """H-19: the client's claim is to the left of what nginx knows."""
    facts = httpx.get(f"{site.url}/who", headers={"x-forwarded-for": "203.0.113.9"}).json()
    assert facts["client"][0] == "127.0.0.1"


def test_u7_many_requests_over_kept_connections(site: Site) -> None:
    """No 502: nginx reuses its connections to ESG."""
    with httpx.Client() as client:
        assert {client.get(f"{site.url}/").status_code for _ in range(200)} == {200}


def test_u7_upload_through_nginx(site: Site) -> None:
    """H-7: unbuffered on both sides."""
    assert httpx.post(f"{site.url}/size", content=b"x" * 5_000_000, timeout=20).text == "5000000"


def test_u7_streamed_response_through_nginx(site: Site) -> None:
    """The first part arrives before the second is made."""
    with httpx.stream("GET", f"{site.url}/delayed") as response:
        parts = list(response.iter_raw())
    assert parts == [b"first ", b"second"]


def test_u7_websocket_through_nginx(site: Site) -> None:
    """U-7: with its compression, pings and subprotocol; the application sees the real client (H-19)."""
    with connect(f"{site.url.replace('http', 'ws', 1)}/talk", subprotocols=[Subprotocol("a")]) as client:
        assert client.subprotocol == "a"
        assert client.protocol.extensions
        host, _, scheme = json.loads(client.recv(timeout=PATIENCE))
        assert (host, scheme) == ("127.0.0.1", "ws")
        for message in ("x" * 200_000, b"y" * 200_000, ""):
            client.send(message)
            assert client.recv(timeout=PATIENCE) == message
        assert client.ping().wait(PATIENCE)
        client.close(3000)
    site.server.wait_for("talk: ended with 3000")


def test_u7_a_client_that_leaves_nginx_is_noticed(site: Site) -> None:
    """H-16 through a proxy."""
    port = httpx.URL(site.url).port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /until-disconnect HTTP/1.1\r\nhost: esg\r\n\r\n")
        site.server.wait_for("until-disconnect: waiting")
    site.server.wait_for("until-disconnect: noticed")
