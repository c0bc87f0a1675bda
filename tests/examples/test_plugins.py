"""The package in `examples/plugins` as it would be installed: found by its entry point, and serving."""

import contextlib
import os
import signal
import socket
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.e2e.server import PATIENCE, ROOT, Server
from tests.support.installed import LOOPS

PLUGIN = ROOT / "examples" / "plugins" / "scgi"

APPLICATION = """\
import asyncio

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError(scope["type"])
    body = (await receive())["body"]
    if scope["path"] == "/slow":
        print("began", flush=True)
        await scope["extensions"]["esg.shutdown"]["wait"]()
    if scope["path"] == "/broken":
        raise ValueError("broken")
    if scope["path"] == "/injected":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"a\\r\\nset-cookie: b")]})
    about = dict(scope["headers"])[b"x-name"] + b" " + scope["query_string"] + b" " + scope["client"][0].encode()
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-method", scope["method"].encode())]})
    await send({"type": "http.response.body", "body": about + b" ", "more_body": True})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """The plugin on the path, with the metadata that an installation writes, beside an application."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = tmp_path / f"esg_scgi-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"].items()
    lines = [line for group, points in groups for line in (f"[{group}]", *(f"{n} = {v}" for n, v in points.items()))]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "application.py").write_text(APPLICATION)
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(PLUGIN / "src")))}


@pytest.fixture(params=LOOPS)
def server(request: pytest.FixtureRequest, tmp_path: Path, environment: dict[str, str]) -> Iterator[Server]:
    options = ("--http", "scgi", "--loop", request.param)
    with Server("application:app", *options, cwd=tmp_path, env=environment) as running:
        yield running


def scgi(path: str, body: bytes = b"") -> bytes:
    """A request as nginx sends it."""
    variables = {
        "CONTENT_LENGTH": str(len(body)),
        "SCGI": "1",
        "REQUEST_METHOD": "POST",
        "DOCUMENT_URI": path,
        "QUERY_STRING": "a=1",
        "REMOTE_ADDR": "203.0.113.7",
        "REMOTE_PORT": "50000",
        "HTTP_X_NAME": "Ada",
    }
    head = "".join(f"{name}\0{value}\0" for name, value in variables.items()).encode()
    return b"%d:%s,%s" % (len(head), head, body)


def answer(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_u4_a_package_adds_a_protocol(server: Server) -> None:
    whole = scgi("/", b"hello")
    for pieces in ([whole], [whole[:1], whole[1:9], whole[9:-3], whole[-3:]]):
        with server.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            head, _, body = answer(connection).partition(b"\r\n\r\n")
        assert head == b"status: 201 Created\r\nx-method: POST"
        assert body == b"Ada a=1 203.0.113.7 hello"
    for path in ("/broken", "/injected"):
        with server.connect() as connection:
            connection.sendall(scgi(path))
            assert answer(connection).startswith(b"status: 500 Internal Server Error\r\n")
    assert server.stop() == 0


def test_l2_it_drains_as_any_protocol(server: Server) -> None:
    with server.connect() as idle, server.connect() as connection:
        connection.sendall(scgi("/slow", b"kept"))
        server.wait_for("began")
        server.process.send_signal(signal.SIGTERM)
        assert answer(connection).endswith(b" kept")
        assert answer(idle) == b""
        assert server.wait() == 0


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"12:SCGI\0001\0A\0B\0\0,", b"9999999:"])
def test_what_is_not_scgi_ends_the_connection(sent: bytes, server: Server) -> None:
    with server.connect(timeout=PATIENCE) as connection:
        connection.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            assert answer(connection) == b""
    server.wait_for("Bad SCGI request: ")
    assert server.stop() == 0
