"""W-7: certificates that change while a server runs, and certificates by the name that a client asks for."""

import asyncio
import contextlib
import logging
import re
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

import esg_http
from esg_core.asgi import Receive, Scope, Send
from esg_core.options.config import Config
from esg_core.sockets import certificate_reload
from tests.support.certificates import CA
from tests.support.core.loops import run_in

HELLO = b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n"


@pytest.fixture(scope="module")
def authority() -> CA:
    return CA()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the files with each connection; `tests/core/sockets/test_certificate_reload.py` tests the pause."""
    monkeypatch.setattr(certificate_reload, "LOOK_EVERY", 0.0)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def issue(authority: CA, path: Path, *names: str) -> int:
    """Put a new certificate with its key at the path, atomically; returns its serial number."""
    made = authority.issue_cert(*names)
    new = path.with_suffix(".new")
    made.private_key_and_cert_chain_pem.write_to_path(new)
    new.replace(path)
    return x509.load_pem_x509_certificate(made.cert_chain_pems[0].bytes()).serial_number


class Client:
    """A connection over TLS, and the serial number of the certificate that it was shown."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.version = writer.get_extra_info("ssl_object").version()
        self.serial = x509.load_der_x509_certificate(shown).serial_number

    async def ask(self) -> bytes:
        self._writer.write(HELLO)
        return (await self._reader.readuntil(b"\r\n\r\nhello")).partition(b"\r\n")[0]

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


Connect = Callable[[str | None], Awaitable[Client]]


def serve(loop: str, authority: CA, script: Callable[[Connect], Awaitable[None]], **settings: Any) -> None:
    """Run `script` with a function that connects; None as a name asks for none."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    clients: list[Client] = []

    async def main() -> None:
        server = await esg_http.start_server(app, port=0, lifespan="off", **settings)
        port = server.sockets[0].getsockname()[1]

        async def connect(name: str | None) -> Client:
            context.check_hostname = name is not None
            streams = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name or "")
            clients.append(Client(*streams))
            return clients[-1]

        async with server:
            await script(connect)
            for client in clients:
                await client.close()

    run_in(loop, main())


def test_new_connections_get_the_new_certificate(
    loop: str, authority: CA, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And running ones go on; a broken file leaves the previous one in use, with one line in the log."""
    file = tmp_path / "server.pem"
    first = issue(authority, file, "localhost")

    async def script(connect: Connect) -> None:
        old = await connect("localhost")
        assert old.serial == first
        second = issue(authority, file, "localhost")
        assert (await connect("localhost")).serial == second
        file.write_text("nonsense")
        for _ in range(3):
            late = await connect("localhost")
            assert (late.serial, await late.ask()) == (second, b"HTTP/1.1 200 OK")
        third = issue(authority, file, "localhost")
        assert (await connect("localhost")).serial == third
        assert await old.ask() == b"HTTP/1.1 200 OK"

    with caplog.at_level(logging.ERROR):
        serve(loop, authority, script, ssl_certfile=file)
    (told,) = caplog.messages
    assert re.fullmatch(r"ssl_certfile='.*server\.pem': no certificate .*; the former certificates stay in use", told)


def test_certificates_by_name(loop: str, authority: CA, tmp_path: Path) -> None:
    """The name itself, then a star, then the default certificate; these are renewed too."""
    names = {"default": "localhost", "shop": "www.shop.example", "star": "*.shop.example"}
    serials = {file: issue(authority, tmp_path / f"{file}.pem", name) for file, name in names.items()}
    sni = [f"www.shop.example={tmp_path}/shop.pem", f"*.shop.example={tmp_path}/star.pem"]

    async def script(connect: Connect) -> None:
        for name, file in (("localhost", "default"), ("www.shop.example", "shop"), ("blog.shop.example", "star")):
            client = await connect(name)
            assert client.serial == serials[file]
            assert await client.ask() == b"HTTP/1.1 200 OK"
        assert (await connect(None)).serial == serials["default"]
        renewed = issue(authority, tmp_path / "shop.pem", "www.shop.example")
        assert (await connect("www.shop.example")).serial == renewed

    serve(loop, authority, script, ssl_certfile=tmp_path / "default.pem", ssl_sni=sni)


def weakest(config: Config, default_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """A factory by its name: ESG's context, and one change."""
    context = default_factory()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.mark.parametrize("factory", [weakest, "tests.behaviour.test_certificates:weakest"])
def test_u8_the_context_may_be_made_by_the_program(loop: str, authority: CA, tmp_path: Path, factory: object) -> None:
    """As in uvicorn, it gets the configuration and a function that makes the context, also when files change."""
    file = tmp_path / "server.pem"
    first = issue(authority, file, "localhost")

    async def script(connect: Connect) -> None:
        client = await connect("localhost")
        assert (client.serial, client.version, await client.ask()) == (first, "TLSv1.2", b"HTTP/1.1 200 OK")
        second = issue(authority, file, "localhost")
        client = await connect("localhost")
        assert (client.serial, client.version) == (second, "TLSv1.2")

    serve(loop, authority, script, ssl_certfile=file, ssl_context_factory=factory)


def test_u8_a_context_of_the_programs_own_needs_no_certificate_here(loop: str, authority: CA, tmp_path: Path) -> None:
    serial = issue(authority, tmp_path / "server.pem", "localhost")

    def own(config: Config, default_factory: object) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem")
        return context

    async def script(connect: Connect) -> None:
        assert (await connect("localhost")).serial == serial

    serve(loop, authority, script, ssl_context_factory=own)


@pytest.mark.parametrize("name", ["localhost", "shop.example"])
def test_each_name_speaks_the_same_protocols(loop: str, authority: CA, tmp_path: Path, name: str) -> None:
    """ALPN, and the certificates that clients must present, do not depend on the name."""
    for file in ("localhost", "shop.example"):
        issue(authority, tmp_path / f"{file}.pem", file)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    settings: dict[str, Any] = {
        "ssl_certfile": tmp_path / "localhost.pem",
        "ssl_sni": [f"shop.example={tmp_path}/shop.example.pem"],
        "ssl_ca_certs": tmp_path / "ca.pem",
        "ssl_cert_reqs": 2,
    }

    async def main() -> None:
        server = await esg_http.start_server(app, port=0, lifespan="off", **settings)
        port = server.sockets[0].getsockname()[1]
        async with server:
            context = ssl.create_default_context()
            authority.configure_trust(context)
            context.set_alpn_protocols(["http/1.1"])
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
            writer.write(HELLO)
            with contextlib.suppress(OSError):  # in TLS 1.3 the refusal comes when the client reads
                assert await reader.read() == b""
            writer.close()
            authority.issue_cert("me@example.org").configure_cert(context)
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
            assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
            writer.write(HELLO)
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            writer.close()
            await writer.wait_closed()

    run_in(loop, main())
