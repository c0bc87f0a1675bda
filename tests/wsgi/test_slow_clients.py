"""Slow clients hold no thread, and an option says how many threads there are (rule I-4)."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.e2e.server import PATIENCE, ROOT, Server
from tests.support.wsgi.http2 import Http2Client
from tests.support.wsgi.parts import PART
from tests.support.wsgi.serving import VERSIONS, assert_answers, connect, read_large, request, serving_wsgi

CLIENTS = 12
"""More than the default number of threads."""

LARGE = PART * 16

FRAMINGS = {
    "content-length": ("Content-Length: 10", [b"%d" % number for number in range(10)]),
    "chunked": ("Transfer-Encoding: chunked", [*(b"1\r\n%d\r\n" % number for number in range(10)), b"0\r\n\r\n"]),
}


@pytest.fixture(scope="module")
def server(stack: tuple[str, ...]) -> Iterator[Server]:
    with serving_wsgi("plain:app", *stack) as running:
        yield running


@pytest.mark.parametrize("framing", FRAMINGS)
def test_i4_slow_uploads(server: Server, framing: str) -> None:
    """I-4: another client is answered between any two of their drips, and each gets its response in the end."""
    field, drops = FRAMINGS[framing]
    with ExitStack() as held:
        clients = [held.enter_context(connect(server)) for _ in range(CLIENTS)]
        for client in clients:
            client.send(request("/body?read", field, method="POST") + drops[0])
        for drop in drops[1:-1]:
            assert_answers(server)
            for client in clients:
                client.send(drop)
        for client in clients:
            response = client.send(drops[-1]).response()
            assert (response.status, b'"size": 10' in response.body) == (200, True)


def test_i4_slow_uploads_of_one_connection(server: Server) -> None:
    """I-4 over HTTP/2: other streams of the same connection are answered meanwhile."""
    with Http2Client(server) as client:
        streams = [client.begin("/body?read", method="POST", is_whole=False) for _ in range(CLIENTS)]
        for number in range(10):
            for stream in streams:
                client.send(stream, b"x", is_last=number == 9)
            if number < 9:
                assert client.response(client.begin("/")) == (200, b"hello")
        assert_answers(server)
        for stream in streams:
            status, body = client.response(stream)
            assert (status, b'"size": 10' in body) == (200, True)


def test_i4_slow_uploads_that_are_large(server: Server) -> None:
    """I-4: too much to be kept in memory."""
    half = PART * 16
    with ExitStack() as held:
        clients = [held.enter_context(connect(server)) for _ in range(CLIENTS)]
        for client in clients:
            client.send(request("/body?read-n", f"Content-Length: {2 * len(half)}", method="POST") + half)
        assert_answers(server)
        for client in clients:
            assert f'"size": {2 * len(half)}'.encode() in client.send(half).response().body


@pytest.mark.parametrize("path", ["/large", "/large-in-parts"])
def test_i4_clients_that_do_not_read(server: Server, path: str) -> None:
    """I-4: they read only the beginning of 1 MB; others are answered, and everything is there when they read on."""
    with ExitStack() as held:
        clients = [held.enter_context(connect(server, receive_buffer=4096)) for _ in range(CLIENTS)]
        for client in clients:
            client.send(request(path))
        assert_answers(server)
        for client in clients:
            assert read_large(client) == LARGE


@pytest.mark.parametrize("path", ["/large", "/large-in-parts"])
def test_i4_streams_that_are_not_read(server: Server, path: str) -> None:
    """I-4 over HTTP/2: their windows are full, and a stream beside them is answered."""
    with Http2Client(server) as client, Http2Client(server) as other:
        streams = [client.begin(path) for _ in range(CLIENTS)]
        assert [client.wait_for_head(stream) for stream in streams[:1]] == [200]
        assert other.response(other.begin("/")) == (200, b"hello")
        assert_answers(server)


def meet(server: Server, version: str, calls: int, seconds: float) -> list[dict[str, Any]]:
    """The responses to concurrent calls that wait for each other."""
    path = f"/meet?parties={calls}&seconds={seconds}"
    with ExitStack() as held:
        if version == "HTTP/2":
            client = held.enter_context(Http2Client(server))
            streams = [client.begin(path) for _ in range(calls)]
            return [json.loads(client.response(stream)[1]) for stream in streams]
        clients = [held.enter_context(connect(server)).send(request(path)) for _ in range(calls)]
        return [json.loads(client.response().body) for client in clients]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("threads", [1, 3, 16])
def test_i4_so_many_calls_run_at_once(threads: int, version: str, stack: tuple[str, ...]) -> None:
    """I-4: as many as `--wsgi-threads` says, never more."""
    with serving_wsgi("plain:app", *stack, "--wsgi-threads", str(threads)) as server:
        assert [told["met"] for told in meet(server, version, threads, PATIENCE)] == [True] * threads
        told = meet(server, version, threads + 1, 0.5)
        assert [one["met"] for one in told] == [False] * (threads + 1)
        assert max(one["most"] for one in told) == threads


def test_i4_calls_that_wait_for_a_thread_are_served_in_turn(stack: tuple[str, ...]) -> None:
    """I-4: more requests than threads all get their answers."""
    with (
        serving_wsgi("plain:app", *stack, "--wsgi-threads", "2") as server,
        ExitStack() as held,
    ):
        clients = [held.enter_context(connect(server)) for _ in range(40)]
        for client in clients:
            client.send(request("/large-in-parts"))
        assert all(read_large(client) == LARGE for client in clients)


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_i4_a_number_of_threads_that_makes_no_sense(value: str) -> None:
    """I-4, C-1, C-2: one line that names the option."""
    command = [sys.executable, "-m", "esg", "tests.wsgi.apps.plain:app", "--wsgi-threads", value]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 2
    assert re.search(r"wsgi.threads", ended.stderr)
    assert "no such option" not in ended.stderr.lower()
