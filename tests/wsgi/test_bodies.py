"""Request bodies: they reach the application whole, whatever their framing and however it reads them (rule I-2)."""

import random
from collections.abc import Iterator
from hashlib import sha256

import pytest

from tests.support.e2e.server import Server
from tests.support.wsgi.http2 import Http2Client
from tests.support.wsgi.serving import VERSIONS, client_of, connect, request, serving_wsgi

SIZES = (0, 1, 70_000, 5 << 20)
WAYS = ("read", "read-n", "readline", "readline-n", "readlines", "iterate")
PIECE = 50_001


def make_body(size: int) -> bytes:
    """Lines of any length."""
    chosen = random.Random(size)
    data = bytearray(chosen.randbytes(size))
    for index in range(0, size, 4096):
        data[index] = 10
    return bytes(data)


BODIES = {size: make_body(size) for size in SIZES}


@pytest.fixture(scope="module")
def server(stack: tuple[str, ...]) -> Iterator[Server]:
    with serving_wsgi("plain:app", *stack) as running:
        yield running


def in_pieces(body: bytes) -> Iterator[bytes]:
    """As httpx sends bodies without a length: chunked, or over HTTP/2 just in frames."""
    return (body[at : at + PIECE] for at in range(0, len(body), PIECE))


@pytest.mark.parametrize("is_announced", [True, False], ids=["content-length", "unannounced"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", WAYS)
def test_i2_a_body_is_whole(server: Server, version: str, way: str, is_announced: bool) -> None:
    """I-2: with and without content-length, however it is read; after the end nothing more comes."""
    with client_of(server, version) as client:
        for body in BODIES.values():
            content = body if is_announced else in_pieces(body)
            answer = client.post(f"/body?{way}", content=content)
            assert answer.status_code == 200, server.output
            told = answer.json()
            assert (told["size"], told["sha256"]) == (len(body), sha256(body).hexdigest())
            assert told["after"] == [0, 0]
            assert told["length"] in ({str(len(body))} if is_announced and body else {None, str(len(body))})


@pytest.mark.parametrize("version", VERSIONS)
def test_i2_the_end_of_the_input_is_the_end_of_the_body(server: Server, version: str) -> None:
    """I-2: `wsgi.input_terminated` tells frameworks that they may read without a content-length."""
    with client_of(server, version) as client:
        assert client.post("/body?read", content=in_pieces(b"some")).json()["terminated"] is True
        assert client.post("/body?read", content=b"some").json()["terminated"] is True


@pytest.mark.parametrize("way", WAYS)
def test_i2_a_request_without_a_body_has_an_empty_one(server: Server, way: str) -> None:
    """I-2: reading ends at once, and does not wait for what follows on the connection."""
    with connect(server) as client:
        for method in ("GET", "POST", "DELETE"):
            response = client.ask(request(f"/body?{way}", method=method))
            assert b'"size": 0' in response.body


@pytest.mark.parametrize("framing", ["Content-Length: 8", "Transfer-Encoding: chunked"])
def test_i2_expect_100_continue(server: Server, framing: str) -> None:
    """I-2, H-5: a client that waits for it is asked for its body."""
    with connect(server) as client:
        client.send(request("/body?read", "Expect: 100-continue", framing, method="POST"))
        assert client.response().status == 100
        client.send(b"12345678" if "Length" in framing else b"8\r\n12345678\r\n0\r\n\r\n")
        response = client.response()
        assert (response.status, b'"size": 8' in response.body) == (200, True)


def test_i2_requests_that_follow_each_other_have_their_own_bodies(server: Server) -> None:
    """I-2: even if both come at once, and if the first is not read."""
    chunked = "5\r\nfirst\r\n0\r\n\r\n"
    with connect(server) as client:
        for path in ("/body?read", "/unread"):
            first = request(path, "Transfer-Encoding: chunked", method="POST") + chunked.encode()
            second = request("/body?read", "Content-Length: 3", method="POST") + b"two"
            client.send(first + second)
            assert client.response().status == 200
            assert b'"size": 3' in client.response().body


@pytest.mark.parametrize("version", VERSIONS)
def test_i2_a_body_that_is_not_read_does_no_harm(server: Server, version: str) -> None:
    """I-2: the response arrives, and the connection or a new one serves the next request."""
    with client_of(server, version) as client:
        for size in SIZES:
            assert client.post("/unread", content=in_pieces(BODIES[size])).content == b"hello"


def test_i2_a_body_that_comes_byte_by_byte(server: Server) -> None:
    """I-2: chunks and frames of one byte are one body."""
    body = b"byte by byte\n" * 30
    with connect(server) as client:
        client.send(request("/body?read", "Transfer-Encoding: chunked", method="POST"))
        for byte in body:
            client.send(b"1\r\n%c\r\n" % byte)
        answer = client.send(b"0\r\n\r\n").response()
    assert sha256(body).hexdigest().encode() in answer.body
    with Http2Client(server) as other:
        stream = other.begin("/body?read", method="POST", is_whole=False)
        for byte in body[:40]:
            other.send(stream, bytes([byte]))
        other.send(stream, b"", is_last=True)
        assert sha256(body[:40]).hexdigest().encode() in other.response(stream)[1]


def test_i2_a_body_beyond_the_limit_reaches_no_application(stack: tuple[str, ...]) -> None:
    """I-2: 413 by `--limit-request-body`, announced or not."""
    with serving_wsgi("plain:app", *stack, "--limit-request-body", "10000") as server:
        with client_of(server, "HTTP/1.1") as client:
            assert client.post("/body?read", content=b"x" * 10_001).status_code == 413
            assert client.post("/body?read", content=in_pieces(b"x" * 10_001)).status_code == 413
            assert client.post("/body?read", content=in_pieces(b"x" * 10_000)).json()["size"] == 10_000
        for fields in (("content-length: 10001",), ()):
            with Http2Client(server) as other:
                stream = other.begin("/body?read", method="POST", is_whole=False, fields=fields)
                other.send(stream, b"x" * 10_000)
                other.send(stream, b"x", is_last=True)
                assert other.response(stream)[0] == 413
        assert server.lines.count("reading by read") == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("app", ["flask_app", "django_app"])
def test_i2_frameworks_read_what_has_no_content_length(app: str, version: str, stack: tuple[str, ...]) -> None:
    """I-2: Flask reads to the end because of `wsgi.input_terminated`; Django needs a content-length."""
    body = BODIES[5 << 20]
    with serving_wsgi(f"{app}:app", *stack) as server, client_of(server, version) as client:
        for content in (body, in_pieces(body)):
            told = client.post("/body", content=content).json()
            assert told == {"size": len(body), "sha256": sha256(body).hexdigest()}
