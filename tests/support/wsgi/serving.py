"""Servers of WSGI applications: in this process, in every way to build one, and in processes of their own."""

import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any
from wsgiref.validate import validator

import httpx
import pytest

from esg_core.app.wsgi.bridge import WSGIBridge
from esg_core.options.config import Config
from tests.support.e2e.server import PATIENCE, Server
from tests.support.e2e.wire import read_response
from tests.support.http.client import Response
from tests.support.http.sockets import Client, SocketServer, Wiring
from tests.support.installed import LOOPS, PARSERS
from tests.support.wsgi.clients import Talk, talk

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WSGIApplication = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True)
class Way:
    """How a server is built, and the version of HTTP that its client speaks."""

    wiring: Wiring
    version: str

    def __str__(self) -> str:
        return f"{self.wiring.parser}-{self.wiring.loop}" if self.version == "1.1" else f"http2-{self.wiring.loop}"


WAYS = [Way(Wiring(parser, loop), "1.1") for parser, loop in product(PARSERS, LOOPS)]
WAYS += [Way(Wiring(loop=loop), "2") for loop in LOOPS]

each_way = pytest.mark.parametrize("way", WAYS, ids=str)


class WSGIServer:
    """A server that serves one client after the other."""

    def __init__(self, server: SocketServer, version: str) -> None:
        self.server = server
        self.version = version

    def ask(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        fields: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        announced: bool = True,
    ) -> Response:
        """Ask on a new connection."""
        with self.talk() as client:
            client.send(method, path, list(fields), body, announced=announced)
            return client.read(method)

    @contextmanager
    def talk(self, *, receive_buffer: int | None = None) -> Iterator[Talk]:
        """A connection."""
        with talk(self.server, self.version, receive_buffer=receive_buffer) as client:
            yield client

    def wait_idle(self) -> None:
        """Wait until no application runs: one may go on after its client has received everything."""
        self.server.wait_until(lambda: not self.server.context.cycles)

    def errors(self) -> list[str]:
        """What was logged as errors."""
        return self.server.log.texts(40)


@contextmanager
def wsgi_server(app: WSGIApplication, way: Way, *, is_valid: bool = True, **options: Any) -> Iterator[WSGIServer]:
    """A server of an application, with `wsgiref.validate` in between unless the application is invalid."""
    served = validator(app) if is_valid else app
    with SocketServer(WSGIBridge(served, Config(served, **options)), way.wiring, **options) as server:
        yield WSGIServer(server, way.version)


# Processes of their own, and raw clients of theirs.

VERSIONS = ("HTTP/1.1", "HTTP/2")

ENDS_WITHIN = 12.0
"""Seconds after SIGTERM; a server that waits for its threads takes `timeout-graceful-shutdown`, which is 25."""

ANSWERS_WITHIN = 10.0
"""Seconds for a small request, on a busy machine."""

TRACEBACK = "Traceback (most recent call last)"


@contextmanager
def serving_wsgi(app: str, *options: str) -> Iterator[Server]:
    """A server of the application of this name in `tests.wsgi.apps`; afterwards it must end well and in time."""
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
    """The body of a large response, in time that is linear in its size; nothing may have been read from it before."""
    with client.socket.makefile("rb") as stream:
        return read_response(stream).body


def request(path: str, *fields: str, method: str = "GET") -> bytes:
    """The head of a request of HTTP/1.1."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *fields, "", "")).encode("latin-1")


def assert_answers(server: Server, path: str = "/") -> None:
    """A client that has nothing to do with the others gets its answer soon."""
    with connect(server) as client:
        client.socket.settimeout(ANSWERS_WITHIN)
        assert client.ask(request(path)).status == 200


def wait_for_times(server: Server, pattern: str, times: int) -> None:
    """Wait until the output has had so many lines that match."""
    server.wait_for(re.compile(rf"(?:^{pattern}$.*?){{{times}}}", re.MULTILINE | re.DOTALL))


def numbers(server: Server, word: str) -> Counter[str]:
    """How often each number comes behind a word, in lines of nothing else."""
    return Counter(line.removeprefix(f"{word} ") for line in server.lines if re.fullmatch(rf"{word} \d+", line))


def assert_closed_once(server: Server, times: int) -> None:
    """Of a server that has ended: so many responses were begun, and `close()` was called once for each (rule I-5)."""
    opened, closed = numbers(server, "opened"), numbers(server, "closed")
    assert (len(opened), set(closed.values()), closed) == (times, {1}, opened), server.output


def close(client: Client) -> None:
    """Leave, with what has come unread."""
    client.socket.close()


def stop_reading_then_close(client: Client) -> None:
    """Read a little, then nothing until all buffers are full and the server has noticed; then leave."""
    client.socket.recv(1000)
    time.sleep(0.2)  # there is no event: nothing happens any more
    client.socket.close()


def half_close(client: Client) -> None:
    """Say that nothing more will be sent, and read nothing more, but stay."""
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
