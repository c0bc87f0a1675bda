"""Anything on a TLS port that is not TLS, or stops in the middle, is hung up on and leaves no trace (H-17, H-20)."""

import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.behaviour.lifecycle import get
from tests.support.e2e.programs import needs
from tests.support.e2e.server import PATIENCE, serving
from tests.support.faults.servers import Watched, certificate, client_tls, reset
from tests.support.faults.tls import GET, rest, shake_hands
from tests.support.installed import LOOPS


def client_hello() -> bytes:
    out = ssl.MemoryBIO()
    connection = client_tls().wrap_bio(ssl.MemoryBIO(), out, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return out.read()


def record(kind: int, content: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(content)) + content


GARBAGE = {
    "plaintext": GET,
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "zeros": bytes(1000),
    "a fatal alert": record(21, b"\x02\x28"),
    "a farewell": record(21, b"\x01\x00"),
    "application data": record(23, b"x" * 100),
    "an empty record": record(22, b""),
    "an endless record": b"\x16\x03\x01\xff\xff" + b"x" * 100,
    "an endless hello": record(22, b"\x01\xff\xff\xff" + b"x" * 1000),
    "two hellos": client_hello() * 2,
}


@pytest.fixture(scope="module", params=LOOPS)
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    path = certificate(tmp_path_factory.mktemp("tls"))
    options = ("--loop", request.param, "--ssl-certfile", str(path), "--no-access-log")
    with serving("tests.faults.apps.answering:app", *options) as server:
        yield Watched(server, is_tls=True)


@pytest.fixture(autouse=True)
def nothing_is_left(watched: Watched) -> Iterator[None]:
    """Whatever a test does, afterwards the server is in its former state, and still serves."""
    before = watched.state()
    yield
    watched.settles_at(before)


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_handshake(watched: Watched, name: str) -> None:
    """The answer is at most an alert; a client that ends its side is not waited for."""
    with watched.server.connect() as connection:
        connection.sendall(GARBAGE[name])
        connection.shutdown(socket.SHUT_WR)
        answered = rest(connection)
    assert b"HTTP" not in answered
    assert answered[:1] in (b"", b"\x15", b"\x16")


@pytest.mark.parametrize("is_reset", [True, False], ids=["reset", "closed"])
def test_a_hello_that_ends_after_each_byte(watched: Watched, is_reset: bool) -> None:
    hello = client_hello()
    for end in range(0, len(hello) + 1, 4):
        connection = watched.server.connect()
        connection.sendall(hello[:end])
        if is_reset:
            reset(connection)
        else:
            connection.close()


def test_versions_that_are_too_old(watched: Watched) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with watched.server.connect() as connection, pytest.raises((ssl.SSLError, ConnectionResetError)):
        old.wrap_socket(connection)


@pytest.mark.parametrize("request_first", [True, False], ids=["after a request", "before any"])
@pytest.mark.parametrize(
    "garbage", [b"\x00" * 50, record(23, b"x" * 50), record(21, b"\x02\x28"), record(23, b"x" * 50)[:20]]
)
def test_what_is_no_tls_after_the_handshake(watched: Watched, request_first: bool, garbage: bytes) -> None:
    with watched.connect() as connection:
        if request_first:
            assert get(connection).status == 200
        with socket.socket(fileno=connection.detach()) as raw:
            raw.settimeout(PATIENCE)
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            assert b"HTTP" not in rest(raw)


def test_a_record_that_ends_after_each_byte(watched: Watched) -> None:
    """An exchange whose bytes are cut on the wire, not inside TLS."""
    for end in range(1, 120, 3):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client_tls().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        connection = watched.server.connect()
        shake_hands(connection, tls, incoming, outgoing)
        tls.write(GET)
        connection.sendall(outgoing.read()[:end])
        reset(connection)


@needs("openssl")
def test_renegotiation_is_refused(watched: Watched) -> None:
    address = f"127.0.0.1:{watched.server.port}"
    command = ("openssl", "s_client", "-connect", address, "-tls1_2", "-quiet", "-no_ign_eof")
    done = subprocess.run(command, input=b"R\n", capture_output=True, timeout=PATIENCE, check=False)
    assert b"no renegotiation" in done.stderr
    assert done.returncode != 0
