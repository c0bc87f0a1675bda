"""H-19: the option `proxy_protocol` on a whole server: cleartext and TLS, HTTP/1.1, and extensions."""

import asyncio
import json
import ssl
import struct
from pathlib import Path
from typing import Any

import esg_http
from esg_core.asgi import Receive, Scope, Send
from esg_core.proxy.preface import SIGNATURE
from tests.support.certificates import CA
from tests.support.core.loops import run_in

V1 = b"PROXY TCP4 198.51.100.7 192.0.2.1 5012 443\r\n"
ADDRESSES = bytes([198, 51, 100, 7, 192, 0, 2, 1]) + struct.pack("!HH", 5012, 443)
TLS = b"\x20\x00\x05\x01" + bytes(4)
UNIQUE = b"\x05\x00\x04abcd"
HELLO = b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n"


def v2(*extensions: bytes) -> bytes:
    payload = ADDRESSES + b"".join(extensions)
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x11, len(payload)) + payload


LOCAL = SIGNATURE + struct.pack("!BBH", 0x20, 0, 0)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    announced = scope["extensions"].get("esg.proxy_protocol", {"extensions": ()})["extensions"]
    kinds = [one.kind for one in announced]
    body = json.dumps([scope["client"], scope["server"], scope["scheme"], kinds]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def ask(port: int, preface: bytes, tls: ssl.SSLContext | None = None) -> Any:
    """What the application is told about a connection with this preface; None if the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(preface)
        if tls is not None:
            await writer.start_tls(tls, server_hostname="localhost")
        writer.write(HELLO)
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
        return json.loads(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    finally:
        writer.close()


CLIENT, SERVER = ["198.51.100.7", 5012], ["192.0.2.1", 443]


def test_addresses_and_scheme_of_the_client(loop: str) -> None:
    """A proxy that ends TLS says so, and the scheme is the client's; its health checks keep their own addresses."""

    async def main() -> None:
        server = await esg_http.start_server(app, port=0, lifespan="off", proxy_protocol=True)
        port = server.sockets[0].getsockname()[1]
        async with server:
            assert await ask(port, V1) == [CLIENT, SERVER, "http", []]
            assert await ask(port, v2()) == [CLIENT, SERVER, "http", []]
            assert await ask(port, v2(UNIQUE, TLS)) == [CLIENT, SERVER, "https", [5, 0x20]]
            assert (await ask(port, LOCAL))[0][0] == "127.0.0.1"
            assert await ask(port, b"") is None
            assert await ask(port, v2(b"\x03\x00\x04abcd")) is None

    run_in(loop, main())


def test_peers_that_are_not_trusted(loop: str) -> None:
    async def main() -> None:
        settings: dict[str, Any] = {"proxy_protocol": True, "forwarded_allow_ips": ["10.0.0.1"]}
        server = await esg_http.start_server(app, port=0, lifespan="off", **settings)
        async with server:
            assert await ask(server.sockets[0].getsockname()[1], V1) is None

    run_in(loop, main())


def test_tls_after_the_preface(loop: str, tmp_path: Path) -> None:
    authority, context = CA(), ssl.create_default_context()
    authority.configure_trust(context)
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")

    async def main() -> None:
        settings: dict[str, Any] = {"proxy_protocol": True, "ssl_certfile": tmp_path / "server.pem"}
        server = await esg_http.start_server(app, port=0, lifespan="off", **settings)
        async with server:
            assert await ask(server.sockets[0].getsockname()[1], V1, context) == [CLIENT, SERVER, "https", []]

    run_in(loop, main())
