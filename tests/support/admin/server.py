"""A server that puts a responder on a real socket, in a thread of its own: the least that the page needs."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from esg_admin.entry_points import responder
from esg_core.admin.contracts import AdminSettings, Exchange, Peer, Responder, Source

PATIENCE = 60.0


class AdminServer:
    """Serves a source on 127.0.0.1, or on a socket file, as if clients came from `peer`.

    A second passes every `second` seconds.
    """

    def __init__(
        self,
        source: Source,
        *,
        port: int = 0,
        path: Path | None = None,
        token: bytes | None = None,
        second: float = 1.0,
    ) -> None:
        local = Peer.LOOPBACK if path is None else Peer.UNIX
        self.peer = local if token is None else Peer.OTHER
        self.port = port
        self._path = path
        self._second = second
        self._responder = responder(source, AdminSettings(token, frozenset()))
        self._loop = asyncio.new_event_loop()
        self._has_started = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}" if self._path is None else f"unix:{self._path}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._has_started.wait(PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(PATIENCE)
        self._loop.close()

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        clients: set[_Client] = set()
        server = await self._listen(lambda: _Client(self._responder, self.peer, clients))
        self._has_started.set()
        while not self._stopped.is_set():
            for client in tuple(clients):
                client.exchange.tick()
            await _at_most(self._second, self._stopped)
        server.close()
        for client in tuple(clients):
            client.transport.abort()
        await asyncio.gather(*(client.is_lost.wait() for client in tuple(clients)))

    async def _listen(self, client: "Callable[[], _Client]") -> asyncio.Server:
        loop = asyncio.get_running_loop()
        if self._path is not None:
            return await loop.create_unix_server(client, self._path)
        server = await loop.create_server(client, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server


async def _at_most(seconds: float, event: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return


class _Client(asyncio.Protocol):
    """One connection."""

    exchange: Exchange
    transport: asyncio.Transport

    def __init__(self, responder: Responder, peer: Peer, clients: "set[_Client]") -> None:
        self._responder = responder
        self._peer = peer
        self._clients = clients
        self.is_lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.exchange = self._responder.accept(self._peer, transport.write)
        self._clients.add(self)

    def data_received(self, data: bytes) -> None:
        self.exchange.feed(data)
        if self.exchange.is_over:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.exchange.lost()
        self._clients.discard(self)
        self.is_lost.set()
