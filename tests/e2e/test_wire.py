"""One server over real sockets, with each parser on each loop."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.e2e.clients import PATIENCE, Curl, bodies_of_curl
from tests.support.e2e.programs import needs
from tests.support.e2e.server import Server, serving
from tests.support.e2e.wire import ask, read_response

pytestmark = pytest.mark.everywhere

APP = "tests.e2e.apps.plain:app"
GET = b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n"


@pytest.fixture(scope="module", params=["httptools", "h11"])
def parser(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, parser: str) -> Iterator[Server]:
    with serving(APP, "--http", parser, "--loop", request.param) as running:
        yield running


@needs("curl")
def test_keep_alive_with_curl(server: Server) -> None:
    """H-2: two requests of one client share a connection."""
    connects = bodies_of_curl("--write-out", " %{num_connects}\n", *[f"{server.url}/"] * 2)
    assert connects.splitlines() == ["Hello, world! 1", "Hello, world! 0"]


@needs("curl")
def test_head_with_curl(server: Server) -> None:
    """H-3: HEAD has the fields of GET and no body."""
    answer = Curl().run("--head", f"{server.url}/")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "13", b"")


@needs("curl")
def test_expect_100_continue_with_curl(server: Server) -> None:
    """H-5: curl waits for 100 Continue before it sends the body."""
    command = ["curl", "--silent", "--verbose", "--max-time", PATIENCE, "--expect100-timeout", PATIENCE]
    upload = ["--header", "expect: 100-continue", "--data-binary", "x" * 1000, f"{server.url}/size"]
    done = subprocess.run([*command, *upload], capture_output=True, text=True, check=True)
    assert done.stdout == "1000"
    assert re.search(r"^< HTTP/1.1 100 Continue", done.stderr, re.MULTILINE)


def test_expect_100_continue_of_an_application_that_does_not_read(server: Server) -> None:
    """H-5: the final response comes at once, and no 100 before it."""
    head = b"POST / HTTP/1.1\r\nhost: esg\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n"
    with server.connect() as connection:
        assert ask(connection, head).status == 200


def test_http_1_0_is_answered_without_chunks_and_closed(server: Server) -> None:
    """H-2, H-3: HTTP/1.0 serves one request; the end of the connection is the end of the body."""
    with server.connect() as connection:
        response = ask(connection, b"GET /delayed HTTP/1.0\r\n\r\n")
        assert response.body == b"first second"
        assert response.header("connection") == "close"
        assert connection.recv(1) == b""


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    """H-6: a slow request first, quick ones behind it, all in one packet."""
    requests = (
        b"GET /delayed HTTP/1.1\r\nhost: esg\r\n\r\n"
        + GET
        + b"POST /size HTTP/1.1\r\nhost: esg\r\ncontent-length: 3\r\n\r\nabc"
    )
    with server.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(requests)
        assert [read_response(stream).body for _ in range(3)] == [b"first second", b"Hello, world!", b"3"]


def test_a_thousand_pipelined_requests(server: Server) -> None:
    """H-6: all are answered."""
    with server.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(GET * 1000)
        assert {read_response(stream).body for _ in range(1000)} == {b"Hello, world!"}


@needs("curl")
def test_chunked_upload_with_curl(server: Server, tmp_path: Path) -> None:
    """H-7: a body without announced length, larger than every buffer."""
    file = tmp_path / "upload"
    file.write_bytes(b"x" * 5_000_000)
    assert (
        Curl().run("--header", "transfer-encoding: chunked", "--data-binary", f"@{file}", f"{server.url}/size").body
        == b"5000000"
    )


def test_half_close_after_the_request_still_gets_the_whole_response(server: Server) -> None:
    """H-9: the client has nothing more to send, and wants to read."""
    with server.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(b"GET /delayed HTTP/1.1\r\nhost: esg\r\n\r\n")
        connection.shutdown(1)
        assert read_response(stream).body == b"first second"
        assert stream.read() == b""


def test_a_malformed_request_is_refused_and_the_reason_is_logged(server: Server) -> None:
    """H-11: 400, `connection: close`, one warning."""
    with server.connect() as connection:
        response = ask(connection, b"GET / HTTP/1.1\r\nhost : esg\r\n\r\n")
        assert (response.status, response.header("connection")) == (400, "close")
        assert connection.recv(1) == b""
    server.wait_for(r"refused a request from 127\.0\.0\.1:\d+")


def test_a_client_that_leaves_is_noticed(server: Server) -> None:
    """H-16: `receive()` gives `http.disconnect`."""
    with server.connect() as connection:
        connection.sendall(b"GET /until-disconnect HTTP/1.1\r\nhost: esg\r\n\r\n")
        server.wait_for("until-disconnect: waiting")
    server.wait_for("until-disconnect: noticed")
