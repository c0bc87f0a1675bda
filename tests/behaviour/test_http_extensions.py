"""ASGI's extensions on HTTP/1.1 (rule H-14): trailers, early hints, files, and information about TLS."""

import hashlib
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h11
import pytest

from esg_core.asgi import Receive, Scope, Send
from tests.http.corpus.case import get, head
from tests.http.misbehaviour.case import body, length, sends, start
from tests.support.behaviour.kinds import hello
from tests.support.http.asking import answers, ask, by_path, ended
from tests.support.http.memory import MemoryServer, Recorder
from tests.support.http.sockets import LOOPS_AND_WIRES, QUIC_ON_UVLOOP, WIRINGS, Client, SocketServer, Wiring, authority
from tests.support.installed import PARSERS

MEBIBYTE = 1024 * 1024

each_wiring = pytest.mark.parametrize("wiring", WIRINGS, ids=str)
each_path = pytest.mark.parametrize("wiring", LOOPS_AND_WIRES, ids=str)
each_parser = pytest.mark.parametrize("parser", PARSERS)


def trailers(*headers: tuple[bytes, bytes], more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.trailers", "headers": list(headers), "more_trailers": more}


def hint(*links: bytes) -> dict[str, Any]:
    return {"type": "http.response.early_hint", "links": list(links)}


def pathsend(path: Path) -> dict[str, Any]:
    return {"type": "http.response.pathsend", "path": str(path)}


def as_h11_sees_it(client: Client, target: str = "/") -> list[Any]:
    """The events of an exchange whose client is h11, which knows nothing about ESG."""
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", "t"), ("TE", "trailers"), ("Connection", "TE")]
    client.send(connection.send(h11.Request(method="GET", target=target, headers=headers)) or b"")
    connection.send(h11.EndOfMessage())
    events: list[Any] = []
    while not events or type(events[-1]) is not h11.EndOfMessage:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(client.socket.recv(65536))
        else:
            events.append(event)
    return events


# Trailers.


@each_wiring
def test_trailers_for_who_wants_them(wiring: Wiring) -> None:
    """H-14: read by another implementation."""
    fields = [(b"X-Checksum", b"abc"), (b"server-timing", b"db;dur=5")]
    app = sends(start(trailers=True), body(b"hello"), trailers(*fields))
    with SocketServer(app, wiring) as server, server.connect() as client:
        events = as_h11_sees_it(client)
        assert list(events[-1].headers) == [(b"x-checksum", b"abc"), (b"server-timing", b"db;dur=5")]
        assert b"".join(event.data for event in events if type(event) is h11.Data) == b"hello"
        response = client.ask(get(b"TE: deflate;q=0.5, Trailers"))
        assert response.trailers == [(b"x-checksum", b"abc"), (b"server-timing", b"db;dur=5")]
        assert client.ask(get()).trailers == []


@each_parser
@pytest.mark.parametrize("te", [(), (b"TE: deflate",), (b"TE: trailersx",), (b"X-TE: trailers",)])
def test_trailers_for_who_does_not(te: tuple[bytes, ...], parser: str) -> None:
    """H-14: the extension is not offered, and trailers that are sent all the same are dropped."""
    offered: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        offered.append("http.response.trailers" in scope["extensions"])
        await sends(start(trailers=True), body(b"hello"), trailers((b"x", b"y")))(scope, receive, send)

    with MemoryServer(app, parser) as server:
        transport = server.connect()
        response = ask(server, transport, get(*te))
        assert (response.body, response.trailers) == (b"hello", [])
        assert ask(server, transport, get(b"TE: trailers")).trailers == [(b"x", b"y")]
    assert offered == [False, True]


FORBIDDEN = b"Transfer-Encoding Content-Length Host Trailer Set-Cookie Authorization Content-Type Content-Encoding TE"
FORBIDDEN += b" Connection Cache-Control Expires Date Location Retry-After Vary WWW-Authenticate Age Content-Range"


@pytest.mark.parametrize("name", FORBIDDEN.split())
def test_what_is_needed_before_the_body_is_no_trailer(name: bytes) -> None:
    """H-14: RFC 9110 section 6.5.1; only these are dropped."""
    app = sends(start(trailers=True), body(b"hello"), trailers((b"a", b"b"), (name, b"1"), (b"c", b"d")))
    with MemoryServer(app) as server:
        transport = server.connect()
        assert ask(server, transport, get(b"TE: trailers")).trailers == [(b"a", b"b"), (b"c", b"d")]
        assert not ended(transport)


def test_trailers_in_parts() -> None:
    """H-14."""
    messages = (trailers((b"a", b"b"), more=True), trailers(more=True), trailers((b"c", b"d")))
    with MemoryServer(sends(start(trailers=True), body(b"hello"), *messages)) as server:
        transport = server.connect()
        for _ in range(2):
            assert ask(server, transport, get(b"TE: trailers")).trailers == [(b"a", b"b"), (b"c", b"d")]


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (get(b"TE: trailers"), length(b"5")),
        (head(b"GET / HTTP/1.0", b"TE: trailers"), []),
        (head(b"HEAD / HTTP/1.1", b"Host: t", b"TE: trailers"), []),
    ],
    ids=["length", "http-1.0", "head"],
)
def test_trailers_need_chunks(data: bytes, headers: Any) -> None:
    """H-14: a body that is not chunked has no place for them; the response is complete without."""
    app = sends(start(headers=headers, trailers=True), body(b"hello"), trailers((b"x", b"y")))
    with MemoryServer(app) as server:
        transport = server.connect()
        response = ask(server, transport, data)
        assert response.trailers == []
        assert not transport.written.endswith(b"y\r\n\r\n")
        assert ended(transport) == (b"HTTP/1.0" in data)


# Early hints.

LINKS = (b"</a.css>; rel=preload; as=style", b"</b.js>; rel=preload; as=script")


@pytest.mark.parametrize("wiring", [*WIRINGS, *QUIC_ON_UVLOOP], ids=str)
def test_early_hints(wiring: Wiring) -> None:
    """H-14: any number of them, before the application sends anything else."""
    go_on = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(hint(*LINKS))
        await send(hint(LINKS[1]))
        while not go_on.is_set():
            await receive_nothing()
        await hello(scope, receive, send)

    async def receive_nothing() -> None:
        import asyncio

        await asyncio.sleep(0.01)

    with SocketServer(app, wiring) as server, server.connect() as client:
        client.send(get())
        first, second = client.response(), client.response()
        go_on.set()
        assert (first.status, first.headers) == (103, [(b"link", LINKS[0]), (b"link", LINKS[1])])
        assert (second.status, second.headers) == (103, [(b"link", LINKS[1])])
        assert client.response().body == b"hello"
        if wiring.wire == "quic":
            return
        statuses = [event.status_code for event in as_h11_sees_it(client) if hasattr(event, "status_code")]
        assert statuses == [103, 103, 200]


def test_early_hints_while_the_head_is_held() -> None:
    """H-14, H-4."""
    with MemoryServer(sends(start(), hint(LINKS[0]), body(b"x"))) as server:
        transport = server.connect()
        transport.feed(get())
        server.loop.settle()
        assert [response.status for response in answers(transport)] == [103, 200]


def test_http_1_0_has_no_early_hints() -> None:
    """H-14: nor does it see the extension; RFC 9110 section 15.2."""
    app = Recorder()
    with MemoryServer(by_path(root=app, hints=sends(hint(LINKS[0]), start(), body(b"x")))) as server:
        ask(server, server.connect(), head(b"GET / HTTP/1.0"))
        transport = server.connect()
        transport.feed(head(b"GET /hints HTTP/1.0"))
        server.loop.settle()
        assert [response.status for response in answers(transport)] == [200]
    assert "http.response.early_hint" not in app.calls[0].scope["extensions"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_sees_early_hints() -> None:
    """H-14."""
    with SocketServer(sends(hint(*LINKS), *(start(), body(b"x")))) as server:
        command = ["curl", "-sS", "-i", "--max-time", "10", f"http://127.0.0.1:{server.port}/"]
        output = subprocess.run(command, capture_output=True, check=True, timeout=20).stdout
    assert output.startswith(b"HTTP/1.1 103 Early Hints\r\nlink: ")
    assert b"\r\n\r\nHTTP/1.1 200 OK\r\n" in output


# Files.


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """64 MiB without repetition, mostly holes on the disk."""
    path = tmp_path_factory.mktemp("files") / "large"
    with path.open("wb") as file:
        for position in range(0, 64 * MEBIBYTE, 4 * MEBIBYTE):
            file.seek(position)
            file.write(os.urandom(4096))
        file.truncate(64 * MEBIBYTE)
    yield path
    path.unlink()


def digest(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


@each_path
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("extension", ["pathsend", "zerocopysend"])
def test_a_large_file(extension: str, framing: str, wiring: Wiring, large: Path) -> None:
    """H-14: 64 MiB arrive as they are, and the connection goes on."""
    size = 64 * MEBIBYTE

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(headers=length(b"%d" % size) if framing == "length" else []))
        if extension == "pathsend":
            await send(pathsend(large))
            return
        with large.open("rb") as file:
            await send({"type": "http.response.zerocopysend", "file": file.fileno()})

    with SocketServer(by_path(file=app, root=hello), wiring) as server, server.connect() as client:
        client.send(get(target=b"/file") + get(b"Connection: close"))
        data = client.rest()
        answer, _, rest = data.partition(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        if framing == "chunked":
            rest = rest.removeprefix(b"%x\r\n" % size)
        assert hashlib.sha1(rest[:size]).hexdigest() == digest(large)
        end = b"\r\n0\r\n\r\n" if framing == "chunked" else b""
        assert rest[size:].startswith(end + b"HTTP/1.1 200 OK\r\n")
        assert rest.endswith(b"hello")


@each_parser
@pytest.mark.parametrize("data", [get(), head(b"HEAD / HTTP/1.1", b"Host: t"), head(b"GET / HTTP/1.0")])
@pytest.mark.parametrize("lengths", [length(b"10"), []], ids=["length", "none"])
def test_a_small_file(lengths: Any, data: bytes, parser: str, tmp_path: Path) -> None:
    """H-14, H-3: framed like any other body, and only counted for HEAD."""
    path = tmp_path / "small"
    path.write_bytes(b"0123456789")
    with MemoryServer(sends(start(headers=lengths), pathsend(path)), parser) as server:
        transport = server.connect()
        response = ask(server, transport, data)
        assert response.body == (b"" if data.startswith(b"HEAD") else b"0123456789")
        assert response.get(b"content-length") == (b"10" if lengths else None)


def test_an_empty_file(tmp_path: Path) -> None:
    """H-14: it is not taken for the end of the chunks."""
    path = tmp_path / "empty"
    path.touch()
    with MemoryServer(sends(start(), pathsend(path))) as server:
        transport = server.connect()
        for _ in range(2):
            assert ask(server, transport, get()).body == b""


def zerocopysend(file: Any, **more: Any) -> dict[str, Any]:
    return {"type": "http.response.zerocopysend", "file": file, **more}


def test_parts_of_a_file(tmp_path: Path) -> None:
    """H-14: offset and count, beside bodies; without an offset it begins at the file's position, and moves that."""
    path = tmp_path / "digits"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        descriptor = file.fileno()
        app = sends(
            start(),
            zerocopysend(descriptor, offset=2, count=3, more_body=True),
            body(b"|", more_body=True),
            zerocopysend(file, count=4, more_body=True),
            zerocopysend(descriptor, count=2, more_body=True),
            zerocopysend(descriptor, count=0, more_body=True),
            body(b"|", more_body=True),
            zerocopysend(descriptor),
        )
        with MemoryServer(app) as server:
            transport = server.connect()
            assert ask(server, transport, get()).body == b"234|012345|6789"
            assert not ended(transport)


@each_path
def test_a_file_for_a_client_that_leaves(wiring: Wiring, large: Path) -> None:
    """H-14, H-21: the application has sent it, as far as it can tell, and nothing is logged."""
    over = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(headers=length(b"%d" % (64 * MEBIBYTE))))
        await send(pathsend(large))
        over.set()

    with SocketServer(app, wiring) as server:
        with server.connect(receive_buffer=4096) as client:
            client.send(get())
            client.socket.recv(1000)
            client.reset()
        assert over.wait(10)
        server.wait_idle()
        assert server.log.trouble == []


# TLS.


@pytest.mark.parametrize("wiring", [wiring for wiring in WIRINGS if wiring.wire == "tls"], ids=str)
@pytest.mark.parametrize("shown", [False, True], ids=["anonymous", "certificate"])
def test_what_tls_tells(shown: bool, wiring: Wiring) -> None:
    """H-14: ASGI's `tls` extension."""
    app = Recorder()
    certificate = authority().issue_cert("client@example.org", common_name="client") if shown else None
    with SocketServer(app, wiring) as server, server.connect(certificate=certificate) as client:
        client.ask(get())
        connection = client.socket
        assert isinstance(connection, ssl.SSLSocket)
        version, cipher = connection.version(), connection.cipher()
    tls = app.calls[0].scope["extensions"]["tls"]
    assert tls.keys() == {
        "server_cert",
        "client_cert_chain",
        "client_cert_name",
        "client_cert_error",
        "tls_version",
        "cipher_suite",
    }
    assert version == "TLSv1.3"
    assert tls["tls_version"] == 0x0304
    assert cipher is not None
    assert tls["cipher_suite"] == {"TLS_AES_256_GCM_SHA384": 0x1302, "TLS_AES_128_GCM_SHA256": 0x1301}[cipher[0]]
    assert tls["client_cert_error"] is None
    if certificate is None:
        assert (tls["client_cert_chain"], tls["client_cert_name"]) == ([], None)
    else:
        [pem] = [blob.bytes().decode() for blob in certificate.cert_chain_pems[:1]]
        assert tls["client_cert_chain"][0].split() == pem.split()
        assert "CN=client" in tls["client_cert_name"]


def test_no_other_extension_is_offered() -> None:
    """H-14: neither push nor debug."""
    app = Recorder()
    with MemoryServer(app) as server:
        ask(server, server.connect(), get(b"TE: trailers"))
    assert set(app.calls[0].scope["extensions"]) == {
        "esg.drop",
        "esg.shutdown",
        "http.response.early_hint",
        "http.response.pathsend",
        "http.response.trailers",
        "http.response.zerocopysend",
    }
