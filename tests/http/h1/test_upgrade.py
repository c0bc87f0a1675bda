"""Handing a connection over to another protocol (rules H-13, S-2)."""

import asyncio
from typing import cast

import pytest

from esg_core.asgi import Receive, Scope, Send
from esg_core.testing import MemoryTransport
from esg_http.call.cycle import Cycle
from tests.http.corpus.case import get
from tests.support.http.asking import connected
from tests.support.http.memory import MemoryServer
from tests.support.installed import PARSERS

REQUEST = b"GET /shout HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n"


def say(server: MemoryServer, client: MemoryTransport, data: bytes) -> None:
    client.feed(data)
    server.loop.settle()


class Shout(asyncio.Protocol):
    """Repeats its input in capitals."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())  # type: ignore[attr-defined]  # the loop passes a Transport


async def shout(scope: Scope, receive: Receive, send: Send) -> None:
    """Serves upgrade requests."""
    switch = scope["extensions"].pop("esg.switch")
    if scope["path"] == "/shout":
        switch(Shout(), [(b"upgrade", b"shout")])
        return
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Serves everything else."""
    assert "esg.switch" not in scope["extensions"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"plain"})


@pytest.mark.parametrize("parser", PARSERS)
def test_the_connection_is_handed_over_with_what_followed(parser: str) -> None:
    """S-2: bytes that came with the request go to the other protocol, and so does everything after them."""
    with MemoryServer(plain, parser) as server:
        server.context.upgrades = {b"shout": shout}
        client = server.connect()
        say(server, client, REQUEST + b"at once")
        head, _, rest = client.written.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\nserver: esg\r\ndate: ")
        assert head.endswith(b"\r\nupgrade: shout\r\nconnection: upgrade")
        assert rest == b"AT ONCE"
        say(server, client, b" and later")
        assert client.written.endswith(b"AT ONCE AND LATER")
        assert not server.context.connections


@pytest.mark.parametrize("parser", PARSERS)
def test_an_upgrade_can_be_refused_in_http(parser: str) -> None:
    """S-2: the connection goes on with HTTP."""
    with MemoryServer(plain, parser) as server:
        server.context.upgrades = {b"shout": shout}
        client = server.connect()
        say(server, client, REQUEST.replace(b"/shout", b"/other"))
        say(server, client, b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert client.written.count(b"HTTP/1.1 403 ") == 1
        assert client.written.endswith(b"\r\n\r\nplain")


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("change", [(b"Upgrade: shout", b"Upgrade: h2c"), (b"1.1", b"1.0"), (b": Upgrade\r", b": x\r")])
def test_other_upgrades_are_ignored(parser: str, change: tuple[bytes, bytes]) -> None:
    """H-13: a protocol that is not served, not named in Connection, or requested in HTTP/1.0 leaves plain HTTP."""
    with MemoryServer(plain, parser) as server:
        server.context.upgrades = {b"shout": shout}
        client = server.connect()
        say(server, client, REQUEST.replace(*change, 1))
        assert client.written.startswith(b"HTTP/1.1 200 OK\r\n")


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    """Leaves the response to the test."""
    await asyncio.Event().wait()


class Taking(asyncio.Protocol):
    """Takes a connection over, and keeps a diary."""

    def __init__(self, *, stays: bool = False) -> None:
        self.seen: list[object] = []
        self._stays = stays

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.seen.append("made")

    def pause_writing(self) -> None:
        self.seen.append("pause")

    def data_received(self, data: bytes) -> None:
        self.seen.append(data)

    def eof_received(self) -> bool:
        self.seen.append("eof")
        return self._stays


@pytest.mark.parametrize("stays", [False, True])
@pytest.mark.parametrize(
    ("happens", "seen"),
    [
        ((), ["made"]),
        (("pause",), ["made", "pause"]),
        (("early",), ["made", b"early"]),
        (("eof",), ["made", "eof"]),
        (("pause", "early", "eof"), ["made", "pause", b"early", "eof"]),
        (("early", "close"), ["made", b"early"]),
    ],
)
def test_another_protocol_learns_what_has_happened(happens: tuple[str, ...], seen: list[object], stays: bool) -> None:
    """H-13: in this order, and the transport reads on unless it is closing."""
    with connected(waits) as client:
        client.feed(get() + b"early" * ("early" in happens))
        connection, protocol = client.connection, Taking(stays=stays)
        if "pause" in happens:
            connection.pause_writing()
        if "eof" in happens:
            connection.eof_received()
        if "close" in happens:
            client.transport.close()
        [cycle] = client.server.context.cycles
        cast(Cycle, cycle).switch(protocol, [])
        assert cast(Cycle, cycle).status == 101
        assert connection._cycle is None
        assert protocol.seen == seen
        assert client.transport.is_closing() == ("close" in happens or ("eof" in happens and not stays))
        assert client.transport._reading == ("close" not in happens)
        cast(Cycle, cycle).task.cancel()
