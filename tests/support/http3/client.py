"""A QUIC client on a real socket: aioquic's connection, driven by the running loop."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from tests.support.http.sockets import PATIENCE, authority

Address = tuple[str, int]


def configuration(name: str | None = "localhost", **options: Any) -> QuicConfiguration:
    """A client's configuration, which trusts the authority of the tests."""
    made = QuicConfiguration(alpn_protocols=["h3"], is_client=True, server_name=name, **options)
    made.load_verify_locations(cadata=authority().cert_pem.bytes())
    return made


class QuicClient(asyncio.DatagramProtocol):
    """One connection, `async with` which the handshake is complete; `data` and `ended` are what streams have brought.

    `received` are the datagrams that have come.
    """

    def __init__(self, address: Address, config: QuicConfiguration | None = None) -> None:
        self.address = address
        self.quic = QuicConnection(configuration=config or configuration())
        self.data: defaultdict[int, bytearray] = defaultdict(bytearray)
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.stops: dict[int, int] = {}
        self.over: events.ConnectionTerminated | None = None
        self.is_established = False
        self.received: list[bytes] = []
        self.senders: set[str] = set()
        self.is_deaf = False
        self.was_reset = False
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self.transport: Any = None

    async def __aenter__(self) -> Self:
        await self.begin()
        await self.until(lambda: self.is_established)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.quic.close()
        self.flush()
        self.leave()

    async def begin(self) -> None:
        """Send the first packets."""
        await self.open_socket()
        self.quic.connect(self.address, self._loop.time())
        self.flush()

    async def open_socket(self) -> None:
        """Send and receive on a new socket from now on, as after a change of network."""
        if self.transport is not None:
            self.transport.close()
        host = "::1" if ":" in self.address[0] else "127.0.0.1"
        self.transport, _ = await self._loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))

    def leave(self) -> None:
        """Vanish without a word."""
        if self._timer is not None:
            self._timer.cancel()
        if self.transport is not None:
            self.transport.close()

    async def until(self, condition: Callable[[], object]) -> None:
        """Return once a condition holds, which only what the server sends can change."""
        async with asyncio.timeout(2 * PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def send(self, stream: int, data: bytes, end: bool = False) -> None:
        self.quic.send_stream_data(stream, data, end)
        self.flush()

    async def ask(self, stream: int, data: bytes) -> bytes:
        """Send a whole stream and return the whole answer."""
        self.send(stream, data, end=True)
        await self.until(lambda: stream in self.ended or self.over)
        return bytes(self.data[stream])

    def flush(self) -> None:
        for datagram, _ in self.quic.datagrams_to_send(self._loop.time()):
            self.transport.sendto(datagram, self.address)
        if self._timer is not None:
            self._timer.cancel()
        due = self.quic.get_timer()
        self._timer = None if due is None else self._loop.call_at(due, self._expire)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.is_deaf:
            return
        self.received.append(data)
        self._look_for_reset(data)
        self.senders.add(addr[0])
        self.quic.receive_datagram(data, self.address, self._loop.time())
        self._take_events()

    def _look_for_reset(self, data: bytes) -> None:
        """aioquic's clients do not know what a stateless reset is (RFC 9000 section 10.3.1)."""
        ids = (self.quic._peer_cid, *self.quic._peer_cid_available)
        self.was_reset = self.was_reset or data[-16:] in [one.stateless_reset_token for one in ids]

    def error_received(self, exc: Exception) -> None:
        """The server's port is closed."""

    def _expire(self) -> None:
        self.quic.handle_timer(self._loop.time())
        self._take_events()

    def _take_events(self) -> None:
        while (event := self.quic.next_event()) is not None:
            self._take(event)
        if self.over is None:
            self.flush()
        self._changed.set()

    def _take(self, event: events.QuicEvent) -> None:
        match event:
            case events.HandshakeCompleted():
                self.is_established = True
            case events.StreamDataReceived():
                self.data[event.stream_id] += event.data
                if event.end_stream:
                    self.ended.add(event.stream_id)
            case events.StreamReset():
                self.resets[event.stream_id] = event.error_code
            case events.StopSendingReceived():
                self.stops[event.stream_id] = event.error_code
            case events.ConnectionTerminated():
                self.over = event


def bare_socket() -> socket.socket:
    """A socket for datagrams made by hand."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


async def answer_to(sock: socket.socket, address: Address, datagram: bytes, patience: float = PATIENCE) -> bytes:
    """What the server answers to one datagram; raises `TimeoutError` if that is nothing."""
    loop = asyncio.get_running_loop()
    sock.sendto(datagram, address)
    async with asyncio.timeout(patience):
        return await loop.sock_recv(sock, 4096)
