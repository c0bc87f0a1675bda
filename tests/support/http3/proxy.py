"""A UDP relay that loses and reorders datagrams, by a seed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

Address = tuple[str, int]


class Relay(asyncio.DatagramProtocol):
    """Relays between one client and a server; each datagram is lost or held back with these probabilities."""

    def __init__(self, server: Address, loss: float, reorder: float, seed: int) -> None:
        self._server = server
        self._loss = loss
        self._reorder = reorder
        self._random = random.Random(seed)
        self._client: Address | None = None
        self._held: list[tuple[bytes, Address]] = []
        self.lost = 0
        self.reordered = 0
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if addr[:2] != self._server:
            self._client = addr
        target = self._client if addr[:2] == self._server else self._server
        if target is None:
            return
        fate = self._random.random()
        if fate < self._loss:
            self.lost += 1
        elif fate < self._loss + self._reorder:
            self._held.append((data, target))
        else:
            self.transport.sendto(data, target)
            for late, to in self._held:
                self.reordered += 1
                self.transport.sendto(late, to)
            self._held.clear()


@asynccontextmanager
async def relayed(server: Address, loss: float = 0.1, reorder: float = 0.1, seed: int = 1) -> AsyncIterator[Relay]:
    """A relay in front of a server; its address is `relay.transport.get_extra_info("sockname")`."""
    loop = asyncio.get_running_loop()
    transport, relay = await loop.create_datagram_endpoint(
        lambda: Relay(server, loss, reorder, seed), local_addr=("127.0.0.1", 0)
    )
    try:
        yield relay
    finally:
        transport.close()
