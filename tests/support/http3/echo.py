"""An endpoint on a real socket whose connections send back what streams bring; no HTTP/3 in it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from esg_core.options.config import Config
from esg_core.sockets.datagrams import DatagramSocket
from esg_core.turns import TurnBudget
from esg_http.h3.aioquic_connection import QuicLimits
from esg_http.h3.aioquic_transport import QuicSettings
from esg_http.h3.certificates import Certificates
from esg_http.h3.connection_ids import ConnectionIds
from esg_http.h3.endpoint import Endpoint
from esg_http.h3.quic import QuicTransport
from tests.support.core.loops import until

WINDOW = 65536


class EchoUser:
    """See `esg_http.h3.quic.QuicUser`; `keeps` makes it not consume what comes."""

    def __init__(self, users: "list[EchoUser]", keeps: bool = False) -> None:
        users.append(self)
        self.keeps = keeps
        self.transport: QuicTransport
        self.taken: dict[int, int] = {}
        self.resets: dict[int, int] = {}
        self.stops: dict[int, int] = {}
        self.losses: list[Exception | None] = []
        self.happened = asyncio.Event()

    def connected(self, transport: QuicTransport) -> None:
        self.transport = transport

    def stream_data(self, stream: int, data: bytes, end: bool) -> None:
        if data == b"fail":
            raise RuntimeError("as the client wanted")
        self.taken[stream] = self.taken.get(stream, 0) + len(data)
        if not self.keeps:
            self.transport.consumed(stream, len(data))
        if stream % 4 == 0:
            self.transport.send(stream, data, end)
        self.happened.set()

    def stream_reset(self, stream: int, code: int) -> None:
        self.resets[stream] = code
        self.happened.set()

    def stream_stopped(self, stream: int, code: int) -> None:
        self.stops[stream] = code
        self.happened.set()

    def progressed(self) -> None:
        self.happened.set()

    def lost(self, exc: Exception | None) -> None:
        self.losses.append(exc)
        self.happened.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self.happened.clear()
                await self.happened.wait()


class Served:
    """A running endpoint."""

    def __init__(self, certificate: Any, host: str, keeps: bool, idle: float, options: dict[str, Any]) -> None:
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((host, 0))
        sock.setblocking(False)
        self.users: list[EchoUser] = []
        config = Config("tests.apps:app", ssl_certfile=certificate, http3=True, **options)
        limits = QuicLimits(streams=100, stream_window=WINDOW, idle=idle)
        self.ids = ConnectionIds.fresh()
        self.socket = DatagramSocket(sock, TurnBudget(asyncio.get_running_loop().call_soon))
        settings = QuicSettings(limits, Certificates(config).find, lambda: EchoUser(self.users, keeps))
        self.endpoint = Endpoint(self.socket, self.ids, settings)
        self.port: int = sock.getsockname()[1]
        self.address: tuple[str, int] = ("127.0.0.1" if ":" not in host else "::1", self.port)

    async def user(self, number: int = 0) -> EchoUser:
        """The server's side of a connection, awaited: its client is done with the handshake first."""
        await until(lambda: len(self.users) > number)
        return self.users[number]


@asynccontextmanager
async def served(
    certificate: Any, host: str = "127.0.0.1", keeps: bool = False, idle: float = 60.0, **options: Any
) -> AsyncIterator[Served]:
    """An endpoint of the running loop."""
    running = Served(certificate, host, keeps, idle, options)
    running.socket.start(running.endpoint)
    try:
        yield running
    finally:
        running.socket.close()
