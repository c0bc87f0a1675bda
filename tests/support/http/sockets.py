"""A server on a real socket, in a separate thread, and clients that send and read bytes.

Each way to build and reach it is a `Wiring`: both parsers, both loops, TCP, UNIX socket, TLS and QUIC.
"""

import asyncio
import logging
import os
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pytest

import esg_http.entry_points
from esg_core.asgi import Application
from esg_core.event_loops import asyncio_loop, uvloop_loop
from esg_core.options.addresses import TCPAddress, UnixAddress
from esg_core.options.config import Config
from esg_core.sockets.bound import bind_all
from esg_core.sockets.handshakes import Handshakes, TLSOptions
from esg_core.sockets.listeners import Listeners
from esg_core.sockets.tls_link import HalfClosingContext
from tests.support.certificates import CA, LeafCert
from tests.support.http.client import Incomplete, Response, read_body, read_head
from tests.support.http.memory import LogRecords, make_context
from tests.support.installed import LOOP, LOOPS, PARSER, PARSERS

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds to wait for events that must happen, on a busy machine."""

LOOP_FACTORIES: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio_loop,
    "uvloop": uvloop_loop,
}


@dataclass(frozen=True)
class Wiring:
    """How a server is built, and how it is reached: `wire` is tcp, unix, tls or quic."""

    parser: str = PARSER
    loop: str = LOOP
    wire: str = "tcp"

    def __str__(self) -> str:
        return f"{self.parser}-{self.loop}-{self.wire}"


WIRINGS = [Wiring(*parts) for parts in product(PARSERS, LOOPS, ("tcp", "unix", "tls"))]
LOOPS_AND_WIRES = [wiring for wiring in WIRINGS if wiring.parser == PARSER]
"""For tests of what happens below the parser."""

CLEARTEXT = [wiring for wiring in LOOPS_AND_WIRES if wiring.wire != "tls"]
"""For tests that need a connection that can be half closed."""

TCP = [wiring for wiring in LOOPS_AND_WIRES if wiring.wire == "tcp"]


def quic(loop: str) -> list[Any]:
    """HTTP/3 over UDP, as one more wiring of a test: with one loop each, because both have the same code below them."""
    return [pytest.param(Wiring(loop=loop, wire="quic"), marks=pytest.mark.needs("aioquic"))]


QUIC_ON_UVLOOP, QUIC_ON_ASYNCIO = quic(LOOP), quic("asyncio")


@cache
def authority() -> CA:
    return CA()


def server_tls() -> ssl.SSLContext:
    """The server's side of TLS; clients may present a certificate of the same authority."""
    context = HalfClosingContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority().configure_trust(context)
    return context


@cache
def client_tls(*protocols: str) -> ssl.SSLContext:
    """The client's side of TLS, offering these protocols by ALPN."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


class Client:
    """One connection to a server, as a context manager; all calls wait for at most `PATIENCE` seconds."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._data = b""

    def send(self, data: bytes) -> Self:
        self.socket.sendall(data)
        return self

    def response(self, method: str = "GET") -> Response:
        """The next response, even an interim one; `EOFError` if the connection ends before it."""
        while True:
            try:
                response, rest = read_head(self._data)
                if response.status >= 200:
                    rest = read_body(response, method, rest)
            except Incomplete:
                self._read_more()
                continue
            self._data = rest
            if response.ends_with_connection:
                response.body += self.rest()
            return response

    def ask(self, request: bytes) -> Response:
        """Send a request and read its response."""
        return self.send(request).response(request.partition(b" ")[0].decode())

    def rest(self) -> bytes:
        """All bytes until the server closes; `OSError` if it breaks the connection."""
        parts = [self._data]
        while part := self.socket.recv(1 << 20):
            parts.append(part)
        self._data = b""
        return b"".join(parts)

    def is_open(self) -> bool:
        """Whether another request can be sent, judging by what has already arrived."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(1) != b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    def half_close(self) -> Self:
        """Close the sending side, below TLS if there is any, and go on reading."""
        with socket.socket(fileno=os.dup(self.socket.fileno())) as below:
            below.shutdown(socket.SHUT_WR)
        return self

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def reset(self) -> None:
        """Break the connection: TCP sends RST instead of FIN."""
        if self.socket.family == socket.AF_INET:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _read_more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"the connection ended after {self._data[:200]!r}")
        self._data += data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()


class SocketServer:
    """A context manager: inside it the server runs. At the end it drains, and fails if anything is left over.

    `options` are those of `Config`.
    """

    def __init__(self, app: Application, wiring: Wiring | None = None, **options: Any) -> None:
        self.wiring = wiring or Wiring()
        self.log = LogRecords()
        self.unhandled: list[dict[str, Any]] = []
        self._app = app
        self._directory = tempfile.TemporaryDirectory()
        self._config = Config(app, **self._of_quic(), **options)
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run)

    def _of_quic(self) -> dict[str, Any]:
        if self.wiring.wire != "quic":
            return {}
        path = Path(self._directory.name) / "server.pem"
        authority().issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(path)
        return {"http3": True, "ssl_certfile": path, "port": 0}

    @property
    def path(self) -> str:
        """Where the UNIX socket is."""
        return str(Path(self._directory.name) / "s")

    def connect(
        self,
        *,
        receive_buffer: int | None = None,
        certificate: LeafCert | None = None,
        protocols: tuple[str, ...] = (),
    ) -> Client:
        """A new connection; a small `receive_buffer` makes the client's side fill up soon."""
        if self.wiring.wire == "quic":
            from tests.support.http3.sockets import H3SocketClient

            return H3SocketClient(self.port, receive_buffer)
        connection = self.open(receive_buffer)
        if self.wiring.wire != "tls":
            return Client(connection)
        tls = client_tls(*protocols)
        if certificate is not None:
            tls = ssl.create_default_context()
            authority().configure_trust(tls)
            certificate.configure_cert(tls)
        return Client(tls.wrap_socket(connection, server_hostname="127.0.0.1", suppress_ragged_eofs=False))

    def open(self, receive_buffer: int | None = None) -> socket.socket:
        """As `connect()`, without TLS."""
        connection = socket.socket(socket.AF_UNIX if self.wiring.wire == "unix" else socket.AF_INET)
        connection.settimeout(PATIENCE)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect(self.path if self.wiring.wire == "unix" else ("127.0.0.1", self.port))
        return connection

    def run(self, function: Callable[[], T]) -> T:
        """The result of calling `function` in the server's thread."""
        result: Future[T] = Future()
        self._loop.call_soon_threadsafe(lambda: result.set_result(function()))
        return result.result(PATIENCE)

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until something is true in the server's thread."""
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.005)

    def wait_idle(self) -> None:
        """Wait until no connection is open and no application runs."""
        self.wait_until(lambda: not self.context.connections and not self.context.cycles)

    def __enter__(self) -> Self:
        logging.getLogger("esg").addHandler(self.log)
        self._thread.start()
        try:
            self._started.result(PATIENCE)
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.run(lambda: self._stop.set_result(None))
        self._clean_up()
        if error is None:
            assert not self.unhandled, self.unhandled
            assert self._left == []

    def _clean_up(self) -> None:
        self._thread.join()
        self._directory.cleanup()
        logging.getLogger("esg").removeHandler(self.log)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=LOOP_FACTORIES[self.wiring.loop]) as runner:
            try:
                runner.run(self._main())
            except BaseException as error:
                if self._started.done():
                    raise
                self._started.set_exception(error)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda loop, context: self.unhandled.append(context))
        self._stop = self._loop.create_future()
        self.context = make_context(self._config, self._app, self._loop)
        listeners = self._listen(getattr(esg_http.entry_points, self.wiring.parser)(self.context))
        self.context.open()
        self._started.set_result(None)
        await self._stop
        await listeners.close()
        await listeners.settle(1)
        self.context.drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.context.wait_quiet(), 5)
        listeners.close_datagrams()
        await asyncio.sleep(0)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        self._left: list[Any] = [*self.context.connections, *self.context.cycles, *tasks]
        self.context.close()

    def _listen(self, factory: Callable[[], asyncio.Protocol]) -> Listeners:
        if self.wiring.wire == "quic":
            return self._listen_to_quic(factory)
        is_unix = self.wiring.wire == "unix"
        [bound] = bind_all([UnixAddress(self.path) if is_unix else TCPAddress("127.0.0.1", 0)])
        handshakes = None
        if self.wiring.wire == "tls":
            tls = server_tls()
            handshakes = Handshakes(TLSOptions(lambda: tls, PATIENCE), self.context.budget)
        listeners = Listeners([bound], factory, handshakes)
        listeners.start(100)
        self.port = 0 if is_unix else int(bound.sock.getsockname()[1])
        return listeners

    def _listen_to_quic(self, factory: Callable[[], asyncio.Protocol]) -> Listeners:
        from esg_core.sockets.beside import own_with_datagrams
        from esg_core.sockets.datagrams import Datagrams
        from esg_http.h3.entry_points import aioquic

        bound = own_with_datagrams(self._config)
        self.port = int(bound[0].sock.getsockname()[1])
        listeners = Listeners(bound, factory, None, Datagrams(bound, aioquic(self.context), self.context.budget))
        listeners.start(100)
        return listeners


def is_reset(descriptor: int) -> bool:
    """Whether TCP reports a reset once everything is read, whatever TLS says; closes the descriptor."""
    with socket.socket(fileno=descriptor) as below:
        below.settimeout(PATIENCE)
        try:
            while below.recv(65536):
                pass
        except ConnectionResetError:
            return True
        return False
