"""PEP 3333, as the validator of the standard library checks it and as applications that fail need it (rule I-5)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.wsgi.apps.awkward
from tests.support.e2e.server import Server
from tests.support.wsgi.http2 import Http2Client
from tests.support.wsgi.parts import PART
from tests.support.wsgi.serving import (
    TRACEBACK,
    VERSIONS,
    assert_answers,
    assert_closed_once,
    client_of,
    connect,
    request,
    serving_wsgi,
    wait_for_times,
)

FILE = Path(tests.wsgi.apps.awkward.__file__).read_bytes()

ANSWERS = {
    ("GET", "/hello"): (200, b"hello"),
    ("HEAD", "/hello"): (200, b""),
    ("POST", "/echo"): (200, b"one\ntwo\nthree\nfour"),
    ("PUT", "/echo"): (200, b"one\ntwo\nthree\nfour"),
    ("GET", "/nothing"): (204, b""),
    ("HEAD", "/nothing"): (204, b""),
    ("GET", "/lines"): (200, b"".join(b"line %d\n" % number for number in range(100))),
    ("HEAD", "/lines"): (200, b""),
    ("GET", "/written"): (200, b"written, written again, returned"),
    ("HEAD", "/written"): (200, b""),
    ("GET", "/replaced"): (503, b"instead"),
}


@pytest.fixture(scope="module")
def validated(stack: tuple[str, ...]) -> Iterator[Server]:
    with serving_wsgi("validated:app", *stack) as server:
        yield server
    assert TRACEBACK not in server.output
    assert "without being closed" not in server.output
    assert "WSGIWarning" not in server.output


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("method", "path"), ANSWERS)
def test_i5_the_validator_is_content(validated: Server, version: str, method: str, path: str) -> None:
    """I-5: about the environ, the input, `start_response`, and the handling of the response."""
    content = b"one\ntwo\nthree\nfour" if path == "/echo" else None
    with client_of(validated, version) as client:
        response = client.request(method, path, content=content)
        again = client.request(method, path, content=content)
    assert (response.status_code, response.content) == ANSWERS[method, path], validated.output
    assert again.content == response.content
    if method == "HEAD" and path == "/hello":
        assert response.headers["content-length"] == "5"
    if path in ("/nothing", "/replaced"):
        assert response.headers.get("content-length") in (None, "7")


@pytest.mark.parametrize("version", VERSIONS)
def test_i5_the_validator_is_content_without_a_content_length(validated: Server, version: str) -> None:
    """I-5, I-2."""
    with client_of(validated, version) as client:
        assert client.post("/echo", content=iter([b"one\ntw", b"o\n"])).content == b"one\ntwo\n"
    validated.wait_for("a body of 8 bytes")


FAILING = {
    "/raises": "the application has failed",
    "/raises-when-started": "the application has failed",
    "/raises-at-first": "the application has failed",
    "/leaves": "the application wants to leave",
    "/twice": "start_response",
    "/never": "start_response",
    "/text": "str",
    "/splits": "a control byte",
}
CLOSED = {"/raises-at-first", "/never", "/text", "/splits"}
"""The paths that have returned an object with `close()`."""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", FAILING)
def test_i5_an_application_that_fails_gives_500(stack: tuple[str, ...], version: str, path: str) -> None:
    """I-5, H-10: one error in the log says why, `close()` is called, and the next request is served."""
    with serving_wsgi("awkward:app", *stack) as server:
        with client_of(server, version) as client:
            assert client.get(path).status_code == 500
            assert client.get("/hello").content == b"hello"
        server.wait_for(FAILING[path])
    assert_closed_once(server, 1 + (path in CLOSED))
    errors = [line for line in server.lines if re.match(r"\W*ERROR", line)]
    assert len(errors) == 1, server.output
    if path.startswith("/raises"):
        assert server.output.count(TRACEBACK) == 1, server.output


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/raises-midway", "the application has failed"),
        ("/replaced-late", "too late for another answer"),
        ("/replaced-after-write", "too late for another answer"),
    ],
)
def test_i5_what_fails_when_the_answer_has_begun_cuts_it(stack: tuple[str, ...], path: str, reason: str) -> None:
    """I-5, H-10: the client can tell; one traceback; `start_response` with exc_info raises what it is given."""
    with serving_wsgi("awkward:app", *stack) as server:
        with connect(server) as client:
            answer = client.send(request(path)).rest()
            assert answer.startswith(b"HTTP/1.1 200")
            assert PART in answer
            assert not answer.endswith(b"\r\n0\r\n\r\n")
        with Http2Client(server) as other:
            stream = other.begin(path)
            assert other.wait_for_head(stream) == 200
            other.response(stream)
            assert stream in other.were_reset
        server.wait_for(reason)
        assert_answers(server, "/hello")
    assert server.output.count(TRACEBACK) == 2, server.output
    assert "start_response has returned" not in server.lines
    assert_closed_once(server, 1 if path == "/replaced-after-write" else 3)


@pytest.mark.parametrize("version", VERSIONS)
def test_i5_an_answer_can_be_replaced_until_its_first_byte(stack: tuple[str, ...], version: str) -> None:
    """I-5: empty parts begin nothing, and `start_response` may be called as late as the first part."""
    with serving_wsgi("awkward:app", *stack) as server:
        with client_of(server, version) as client:
            replaced = client.get("/replaced-after-empty-parts")
            lazy = client.get("/lazy")
            empty = client.get("/empty")
        assert (replaced.status_code, replaced.content) == (503, b"instead")
        assert (lazy.status_code, lazy.content) == (201, b"lazy")
        assert (empty.status_code, empty.content) == (200, b"")
    assert_closed_once(server, 3)
    assert TRACEBACK not in server.output


@pytest.mark.parametrize("version", VERSIONS)
def test_i5_close_is_called_once_whatever_the_method(stack: tuple[str, ...], version: str) -> None:
    """I-5: even if there is no body to send."""
    with serving_wsgi("awkward:app", *stack) as server, client_of(server, version) as client:
        assert client.get("/hello").content == b"hello"
        assert client.head("/hello").headers["content-length"] == "5"
        assert client.get("/nothing").status_code == 204
        assert client.head("/nothing").status_code == 204
        assert client.options("/hello").content == b"hello"
    assert_closed_once(server, 5)
    assert TRACEBACK not in server.output


def test_i5_close_may_fail(stack: tuple[str, ...]) -> None:
    """I-5: the log has the error once, and the server goes on."""
    with serving_wsgi("awkward:app", *stack) as server:
        with connect(server) as client:
            assert client.send(request("/raises-at-close")).socket.recv(1000).startswith(b"HTTP/1.1 ")
        server.wait_for("the application has failed")
        assert_answers(server, "/hello")
    assert server.output.count(TRACEBACK) == 1
    assert_closed_once(server, 2)


def test_i5_what_is_written_to_wsgi_errors_is_seen(stack: tuple[str, ...]) -> None:
    """I-5: in any alphabet, and at once."""
    with serving_wsgi("awkward:app", *stack) as server, connect(server) as client:
        assert client.ask(request("/complains")).status == 200
        server.wait_for("the application complains: Grüße")


@pytest.mark.parametrize("version", VERSIONS)
def test_i5_files(stack: tuple[str, ...], version: str) -> None:
    """I-5: `wsgi.file_wrapper` sends a file from its current position, and closes it."""
    with serving_wsgi("awkward:app", *stack) as server:
        with client_of(server, version) as client:
            assert client.get("/file").content == FILE
            assert client.head("/file").headers["content-length"] == str(len(FILE))
            assert client.get("/rest-of-file").content == FILE[100:]
            assert client.get("/like-a-file").content == PART * 32
        wait_for_times(server, "file closed", 4)
    assert server.lines.count("file closed") == 4
    assert TRACEBACK not in server.output


@pytest.mark.parametrize("version", VERSIONS)
def test_i4_plain_files(stack: tuple[str, ...], version: str) -> None:
    """I-4, I-5: the loop sends them, from their current position, up to the announced length; threads close them."""
    changed = b"begin" + (PART * 32 + b"end")[5:]
    with serving_wsgi("awkward:app", *stack) as server, client_of(server, version) as client:
        for path, content in (
            ("/plain-file", FILE),
            ("/part-of-plain-file", FILE[100:150]),
            ("/changed-file", changed[2:]),
        ):
            assert client.get(path).content == content
            assert client.get("/file-is-closed").text == "True"
            assert client.head(path).headers["content-length"] == str(len(content))
            assert client.get("/file-is-closed").text == "True"
    assert TRACEBACK not in server.output


@pytest.mark.parametrize("version", VERSIONS)
def test_i5_a_file_that_is_longer_than_announced(stack: tuple[str, ...], version: str) -> None:
    """I-5, H-3: bytes beyond the length are not sent; the server goes on."""
    with serving_wsgi("awkward:app", *stack) as server:
        with client_of(server, version) as client:
            assert client.get("/part-of-file").content == FILE[:100]
        assert_answers(server, "/hello")
    assert server.lines.count("file closed") == 1


def test_i5_a_file_that_is_left_is_closed(stack: tuple[str, ...]) -> None:
    """I-5, I-1."""
    with serving_wsgi("awkward:app", *stack) as server:
        for _ in range(3):
            with connect(server, receive_buffer=4096) as client:
                client.send(request("/like-a-file")).socket.recv(100)
        wait_for_times(server, "file closed", 3)
    assert server.lines.count("file closed") == 3
    assert TRACEBACK not in server.output
