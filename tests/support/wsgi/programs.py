"""Servers of WSGI applications in separate processes, and raw clients for them."""

import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.support.e2e.server import PATIENCE, Server
from tests.support.e2e.wire import read_response
from tests.support.http.sockets import Client

STACKS = {"native": ("--http", "httptools", "--loop", "uvloop"), "pure": ("--http", "h11", "--loop", "asyncio")}
"""Both parsers and both loops."""

VERSIONS = ("HTTP/1.1", "HTTP/2")

ENDS_WITHIN = 12.0
"""Seconds after SIGTERM; a server that waited for its threads would take `timeout-graceful-shutdown`, which is 25."""

ANSWERS_WITHIN = 10.0
"""Seconds for a small request, on a busy machine."""

TRACEBACK = "Traceback (most recent call last)"


@contextmanager
def serving_wsgi(app: str, *options: str) -> Iterator[Server]:
    """A server of the application of this name in `tests.wsgi.apps`; afterwards it must end cleanly and in time."""
    with Server(f"tests.wsgi.apps.{app}", "--interface", "wsgi", "--http2", *options) as server:
        assert server.url
        yield server
        begun = time.monotonic()
        code = server.stop()
        taken = time.monotonic() - begun
        assert code == 0, f"exit code {code}:\n{server.output}"
        assert taken < ENDS_WITHIN, f"the end took {taken:.1f} s:\n{server.output}"


@contextmanager
def client_of(server: Server, version: str) -> Iterator[httpx.Client]:
    """A client that speaks this version of HTTP only, HTTP/2 by prior knowledge."""
    is_2 = version == "HTTP/2"
    with httpx.Client(base_url=server.url, http1=not is_2, http2=is_2, timeout=PATIENCE, trust_env=False) as client:
        yield client


def connect(server: Server, receive_buffer: int | None = None) -> Client:
    """A new connection; a small `receive_buffer` makes the client's side fill up soon."""
    connection = socket.socket()
    connection.settimeout(PATIENCE)
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect(("127.0.0.1", server.port))
    return Client(connection)


def read_large(client: Client) -> bytes:
    """The body of a large response, in linear time; none of it may have been read before."""
    with client.socket.makefile("rb") as stream:
        return read_response(stream).body


def request(path: str, *fields: str, method: str = "GET") -> bytes:
    """The head of a request of HTTP/1.1."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *fields, "", "")).encode("latin-1")


def assert_answers(server: Server, path: str = "/") -> None:
    """Check that an unrelated client is answered soon."""
    with connect(server) as client:
        client.socket.settimeout(ANSWERS_WITHIN)
        assert client.ask(request(path)).status == 200


def wait_for_times(server: Server, pattern: str, times: int) -> None:
    """Wait until that many lines of the output match."""
    server.wait_for(re.compile(rf"(?:^{pattern}$.*?){{{times}}}", re.MULTILINE | re.DOTALL))


def numbers(server: Server, word: str) -> Counter[str]:
    """How often each number follows a word, in lines that hold nothing else."""
    return Counter(line.removeprefix(f"{word} ") for line in server.lines if re.fullmatch(rf"{word} \d+", line))


def assert_closed_once(server: Server, times: int) -> None:
    """Check, for a server that has ended, that this many responses were begun and each was closed once (rule I-5)."""
    opened, closed = numbers(server, "opened"), numbers(server, "closed")
    assert (len(opened), set(closed.values()), closed) == (times, {1}, opened), server.output


def close(client: Client) -> None:
    """Leave, with unread data."""
    client.socket.close()


def stop_reading_then_close(client: Client) -> None:
    """Read a little, then nothing until all buffers are full and the server has noticed, then leave."""
    client.socket.recv(1000)
    time.sleep(0.2)  # there is no event to wait for: nothing more happens
    client.socket.close()


def half_close(client: Client) -> None:
    """Close the sending side and read nothing more, but stay."""
    client.socket.shutdown(socket.SHUT_WR)


def reset(client: Client) -> None:
    """End with RST."""
    client.reset()


LEAVE: dict[str, Callable[[Client], None]] = {
    "close": close,
    "reset": reset,
    "half-close": half_close,
    "stop-reading": stop_reading_then_close,
}
