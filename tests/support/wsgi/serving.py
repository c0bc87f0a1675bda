"""WSGI applications in a server, for every way to build and to reach one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any
from wsgiref.validate import validator

import pytest

from esg_core.app.wsgi.bridge import WSGIBridge
from esg_core.options.config import Config
from tests.support.http.client import Response
from tests.support.http.memory import PARSERS
from tests.support.http.sockets import LOOPS, SocketServer, Wiring
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
